/* SPDX-License-Identifier: MIT */
/*
 * text.h: a line of text, put together without printf(): a stream prints hundreds of
 * thousands a second, on CPUs that the watched system wants too. With printf() bhctl took
 * 0.30 us of user time for an event at 400,000 a second, most of it for fractions; without
 * it, 0.10.
 *
 * Text that does not fit is left out; the line ends all the same.
 */
#ifndef BH_TOOLS_BHCTL_SHOW_TEXT_H
#define BH_TOOLS_BHCTL_SHOW_TEXT_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct bh_text {
	size_t n;
	char line[2560];
};

static inline void bh_text_chars(struct bh_text *t, const char *s, size_t n)
{
	size_t room = sizeof(t->line) - 1 - t->n; /* the last is for the newline */

	n = n < room ? n : room;
	memcpy(t->line + t->n, s, n);
	t->n += n;
}

static inline void bh_text_put(struct bh_text *t, const char *s)
{
	bh_text_chars(t, s, strlen(s));
}

/* Spaces until @n characters stand behind place @from. */
static inline void bh_text_pad(struct bh_text *t, size_t from, size_t n)
{
	while (t->n < from + n && t->n < sizeof(t->line) - 1)
		t->line[t->n++] = ' ';
}

/* @v in base 10 or 16, with at least @digits digits; in at least @width places. */
static inline void bh_text_number(struct bh_text *t, uint64_t v, unsigned base, int digits,
				  int width)
{
	char s[32], *at = s + sizeof(s);

	while (v || digits > 0) {
		*--at = "0123456789abcdef"[v % base];
		v /= base;
		digits--;
		width--;
	}
	while (width-- > 0)
		*--at = ' ';
	bh_text_chars(t, at, (size_t)(s + sizeof(s) - at));
}

static inline void bh_text_uint(struct bh_text *t, uint64_t v)
{
	bh_text_number(t, v, 10, 1, 0);
}

static inline void bh_text_hex(struct bh_text *t, uint64_t v)
{
	bh_text_put(t, "0x");
	bh_text_number(t, v, 16, 1, 0);
}

/* "12.3 us" */
static inline void bh_text_put_us(struct bh_text *t, uint64_t ns)
{
	uint64_t tenths = ns / 100 + (ns % 100 >= 50);

	bh_text_uint(t, tenths / 10);
	bh_text_put(t, ".");
	bh_text_uint(t, tenths % 10);
	bh_text_put(t, " us");
}

/* "       0.315424": seconds, in 14 places; cut, not rounded. */
static inline void bh_text_seconds(struct bh_text *t, int64_t ns)
{
	uint64_t us = (ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns) / 1000;

	if (ns < 0)
		bh_text_put(t, "     -");
	bh_text_number(t, us / 1000000, 10, 1, ns < 0 ? 1 : 7);
	bh_text_put(t, ".");
	bh_text_number(t, us % 1000000, 10, 6, 0);
}

/* A name as a string of JSON: of a longer one the first 160 bytes. */
static inline void bh_text_quote(struct bh_text *t, const char *s)
{
	bh_text_put(t, "\"");
	for (int i = 0; i < 160 && s[i]; i++) {
		if (s[i] == '"' || s[i] == '\\')
			bh_text_put(t, "\\");
		if ((unsigned char)s[i] >= ' ') {
			bh_text_chars(t, s + i, 1);
		} else {
			bh_text_put(t, "\\u");
			bh_text_number(t, (unsigned char)s[i], 16, 4, 0);
		}
	}
	bh_text_put(t, "\"");
}

static inline void bh_text_print(struct bh_text *t, FILE *f)
{
	t->line[t->n] = '\n';
	fwrite(t->line, 1, t->n + 1, f);
	t->n = 0;
}

#endif
