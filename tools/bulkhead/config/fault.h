/* SPDX-License-Identifier: MIT */
/*
 * fault.h: a fault of a configuration and its place: one sentence,
 * "FILE:LINE:COLUMN: what is wrong, what was expected". Only the first fault is
 * kept.
 */
#ifndef BH_TOOLS_BULKHEAD_CONFIG_FAULT_H
#define BH_TOOLS_BULKHEAD_CONFIG_FAULT_H

#include <stdint.h>

struct bh_fault {
	const char *file; /* as the user named it */
	char text[640];   /* "": nothing is wrong */
};

/* @line 0: the file as a whole. Returns -EINVAL, for `return bh_fault_say(...)`. */
int bh_fault_say(struct bh_fault *f, uint32_t line, uint32_t column, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* @text in quotes, cut, unprintable characters replaced; for one fault. */
enum {
	BH_QUOTE_BYTES = 56
};
const char *bh_quote(char out[BH_QUOTE_BYTES], const char *text);

#endif
