/* SPDX-License-Identifier: MIT */
/*
 * log.h: lines for the log, from tasks.
 *
 *     bh_log(BH_LOG_WARNING, "no disk under %s", path);
 *     bh_log_fields(BH_LOG_INFO, (struct bh_field[]){ { "id", NULL, 7 }, { "customer", name, 0 } }, 2,
 *                   "order taken");
 *
 *     2026-11-30T14:05:33.120Z shop[shop.order 0x100000007]: info: order taken id=7 customer="A. B." worker=1
 *
 * Time, service, task and worker are added, in front and at the end; the format is the same
 * for all lines of the log (docs/guide.md, What is printed). A call is one line of at most
 * 1 KiB, cut if it is longer, and one write(): characters that would end the line or confuse
 * a terminal are escaped as \n or \x1b.
 *
 * A call never waits for the log's reader, and is rate-limited: a line that cannot be
 * written at once is left out, and so are a process's lines beyond 50 at a time and 20
 * a second. The next line written counts the lines left out in its process
 * (`left_out=7`); a count not written when the process dies is lost. (At a terminal, and with
 * a Linux before 6.4, the last room of a pipe may be taken between the check and the
 * write: then the call waits.)
 *
 * From anywhere in a service's code, in any process and thread of it.
 */
#ifndef BULKHEAD_LOG_H
#define BULKHEAD_LOG_H

#include <bulkhead/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum bh_log_level {
	BH_LOG_ERROR = 0,   /* the operator has to act */
	BH_LOG_WARNING = 1, /* the operator may want to act */
	BH_LOG_INFO = 2,
};

/* A field key=value. The text is quoted where needed. */
struct bh_field {
	const char *key;  /* [A-Za-z0-9_.], as it is */
	const char *text; /* NULL: the value is the number */
	int64_t number;
};

/* Formats as printf(). */
BH_API void bh_log(enum bh_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The same with @n fields behind it. */
BH_API void bh_log_fields(enum bh_log_level level, const struct bh_field *fields, size_t n,
			  const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#ifdef __cplusplus
}
#endif
#endif
