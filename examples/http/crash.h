/* SPDX-License-Identifier: MIT */
/* crash.h: what the client of a request whose handler crashed is told. */
#ifndef HTTP_CRASH_H
#define HTTP_CRASH_H

#include <stdbool.h>
#include <stddef.h>

#include <bulkhead/task.h>

enum {
	HTTP_CRASH_REPORT_MAX = 1024
};

/* Writes the report on @crash to @buf; returns its length. */
size_t http_crash_report(const struct bh_crash *crash, bool json, char *buf, size_t size);

#endif
