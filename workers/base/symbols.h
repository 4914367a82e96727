/* SPDX-License-Identifier: MIT */
/*
 * symbols.h: what the functions of the service are called, static ones too: from the symbol
 * tables of the files that are loaded, if those were not stripped.
 *
 * The zygote reads them once, before any worker exists: a file may be replaced later, and
 * workers have what it read, as they have its code. One that has been replaced before that is
 * not read: its names would be another program's.
 */
#ifndef BH_WORKERS_BASE_SYMBOLS_H
#define BH_WORKERS_BASE_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void bh_symbols_load(void);

/* Writes the name of the function at @address to @name (@size bytes). False: unknown. */
bool bh_symbols_name(uint64_t address, char *name, size_t size);

/* The same from its symbol: without what compilers add to those of static functions (".cold"),
 * and for C++ without types: "shop::(anonymous namespace)::pay(void*)" is "shop::pay", and the
 * lambda in it that bulkhead.hpp makes a task of is "shop::pay::lambda". */
void bh_symbols_plain(const char *symbol, char *name, size_t size);

#endif
