/* SPDX-License-Identifier: MIT */
/*
 * table.h: tables for people: columns as wide as their widest cell, numbers to the
 * right. And how numbers, times and names are written in them.
 */
#ifndef BH_TOOLS_BHCTL_SHOW_TABLE_H
#define BH_TOOLS_BHCTL_SHOW_TABLE_H

#include <stddef.h>
#include <stdint.h>

enum {
	BH_TABLE_COLUMNS = 24
};

struct bh_table {
	const char *const *heads; /* "<name" is written to the left */
	size_t columns;
	char **cells;
	size_t n, room;
};

void bh_table_init(struct bh_table *t, const char *const *heads, size_t columns);
__attribute__((format(printf, 2, 3))) void bh_table_add(struct bh_table *t, const char *fmt, ...);

/* Prints it, each line after @indent spaces, and frees it. */
void bh_table_print(struct bh_table *t, int indent);

/* "SIGSEGV"; "exit 3" when @sig is 0. */
void bh_text_death(char out[24], int sig, int exit_code);

/* "850 us", "1.2 ms", "3.4 s". */
void bh_text_us(char out[24], double us);

/* "4 d 03:12:59", "03:12:59". */
void bh_text_age(char out[32], uint64_t s);

/* UTC; @iso: 2026-01-02T03:04:05.678901Z, else local time for people. */
void bh_text_time(char out[40], int64_t wall_ns, int iso);

/* "12.0 MiB". */
void bh_text_bytes(char out[24], uint64_t bytes);

#endif
