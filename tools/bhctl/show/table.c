/* SPDX-License-Identifier: MIT */
#include "tools/bhctl/show/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void *need(void *p)
{
	if (!p) {
		fprintf(stderr, "bhctl: out of memory\n");
		exit(111);
	}
	return p;
}

void bh_table_init(struct bh_table *t, const char *const *heads, size_t columns)
{
	memset(t, 0, sizeof(*t));
	t->heads = heads;
	t->columns = columns < BH_TABLE_COLUMNS ? columns : BH_TABLE_COLUMNS;
}

void bh_table_add(struct bh_table *t, const char *fmt, ...)
{
	va_list ap;
	char text[512];

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (t->n == t->room) {
		t->room = t->room ? t->room * 2 : 64;
		t->cells = need(realloc(t->cells, t->room * sizeof(*t->cells)));
	}
	t->cells[t->n++] = need(strdup(text));
}

static void print_cell(const struct bh_table *t, size_t column, const char *text, size_t width)
{
	const char *gap = column ? "  " : "";

	if (t->heads[column][0] != '<')
		printf("%s%*s", gap, (int)width, text);
	else if (column + 1 < t->columns)
		printf("%s%-*s", gap, (int)width, text);
	else
		printf("%s%s", gap, text);
}

void bh_table_print(struct bh_table *t, int indent)
{
	size_t width[BH_TABLE_COLUMNS];

	for (size_t c = 0; c < t->columns; c++)
		width[c] = strlen(t->heads[c] + (t->heads[c][0] == '<'));
	for (size_t i = 0; i < t->n; i++)
		if (strlen(t->cells[i]) > width[i % t->columns])
			width[i % t->columns] = strlen(t->cells[i]);
	printf("%*s", indent, "");
	for (size_t c = 0; c < t->columns; c++)
		print_cell(t, c, t->heads[c] + (t->heads[c][0] == '<'), width[c]);
	putchar('\n');
	for (size_t i = 0; i < t->n; i++) {
		if (i % t->columns == 0)
			printf("%*s", indent, "");
		print_cell(t, i % t->columns, t->cells[i], width[i % t->columns]);
		if (i % t->columns == t->columns - 1)
			putchar('\n');
		free(t->cells[i]);
	}
	free(t->cells);
}

void bh_text_death(char out[24], int sig, int exit_code)
{
	const char *name = sig ? sigabbrev_np(sig) : NULL;

	if (!sig)
		snprintf(out, 24, "exit %d", exit_code);
	else if (name)
		snprintf(out, 24, "SIG%s", name);
	else
		snprintf(out, 24, "signal %d", sig);
}

void bh_text_us(char out[24], double us)
{
	if (us < 1000)
		snprintf(out, 24, us < 10 ? "%.1f us" : "%.0f us", us);
	else if (us < 1e6)
		snprintf(out, 24, "%.1f ms", us / 1e3);
	else
		snprintf(out, 24, "%.1f s", us / 1e6);
}

void bh_text_age(char out[32], uint64_t s)
{
	unsigned d = (unsigned)(s / 86400), h = (unsigned)(s / 3600 % 24);
	unsigned m = (unsigned)(s / 60 % 60), rest = (unsigned)(s % 60);

	if (d)
		snprintf(out, 32, "%u d %02u:%02u:%02u", d, h, m, rest);
	else
		snprintf(out, 32, "%02u:%02u:%02u", h, m, rest);
}

void bh_text_time(char out[40], int64_t wall_ns, int iso)
{
	time_t s = (time_t)(wall_ns / 1000000000);
	long us = (long)(wall_ns % 1000000000 / 1000);
	char day[24];
	struct tm tm;

	if (!(iso ? gmtime_r(&s, &tm) : localtime_r(&s, &tm)))
		memset(&tm, 0, sizeof(tm));
	strftime(day, sizeof(day), iso ? "%Y-%m-%dT%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &tm);
	if (iso)
		snprintf(out, 40, "%s.%06ldZ", day, us < 0 ? 0 : us);
	else
		snprintf(out, 40, "%s.%03ld", day, us < 0 ? 0 : us / 1000);
}

void bh_text_bytes(char out[24], uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double n = (double)bytes;
	size_t u = 0;

	while (n >= 1024 && u + 1 < sizeof(units) / sizeof(units[0])) {
		n /= 1024;
		u++;
	}
	snprintf(out, 24, u ? "%.1f %s" : "%.0f %s", n, units[u]);
}
