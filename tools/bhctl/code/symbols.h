/* SPDX-License-Identifier: MIT */
/*
 * symbols.h: names for addresses: of a service's code, through libdw and the memory
 * map of its zygote (all its workers are forks of one image), and of Linux's own,
 * from /proc/kallsyms. Both need the rights to read them: where they are missing,
 * addresses stay numbers.
 */
#ifndef BH_TOOLS_BHCTL_CODE_SYMBOLS_H
#define BH_TOOLS_BHCTL_CODE_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/bhctl/trace/recorder.h"

struct bh_symbols;

/* Asks the system at @url for its zygotes. Exit codes. */
int bh_symbols_open(struct bh_symbols **out, const char *url);
void bh_symbols_close(struct bh_symbols *s);

/* "function"; "[libz.so.1]" where that has no names; or "0x1234"; with @line "function
 * (file.c:12)" where that is known, and "0x1234 [libz.so.1]". False: there is no code. */
bool bh_symbols_user(struct bh_symbols *s, uint32_t service, uint64_t address, bool line,
		     char *text, size_t bytes);
void bh_symbols_kernel(struct bh_symbols *s, uint64_t address, char *text, size_t bytes);

/* The index of the service of that name; BH_RECORDER_SERVICES: there is none. */
uint32_t bh_symbols_service(const struct bh_symbols *s, const char *name);

/* A living process with the code of @service; 0: none is known. */
int bh_symbols_pid(const struct bh_symbols *s, uint32_t service);

/* Why addresses of @service stay numbers; NULL: they have names. */
const char *bh_symbols_missing(const struct bh_symbols *s, uint32_t service);

#endif
