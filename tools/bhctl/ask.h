/* SPDX-License-Identifier: MIT */
/* ask.h: requests and replies. */
#ifndef BH_TOOLS_BHCTL_ASK_H
#define BH_TOOLS_BHCTL_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "bulkhead.pb-c.h"

/* Sends @q to the system at @url. 0: *@out is its answer, the caller's. Else an
 * exit code; it has been said why. */
int bh_ask(const char *url, const Bulkhead__Request *q, Bulkhead__Reply **out);

/* A connection for one question after the other; it reconnects when a system that went away
 * is back. Never closed, but by Linux when the command ends: nng_close() waits for a
 * connection's operations to be over, and in Debian's 1.5.2 now and then for ever. */
struct bh_line {
	const char *url; /* the caller's */
	uint32_t socket;
	int fd; /* readable: there is an answer */
};

/* 0, or an error of nng. */
int bh_line_open(struct bh_line *l, const char *url);

/* As bh_ask(). */
int bh_line_wait(const struct bh_line *l, const Bulkhead__Request *q, Bulkhead__Reply **out);

/* Asks without waiting or printing. False: no system is there. The answer
 * to an earlier question no longer comes. */
bool bh_line_ask(struct bh_line *l, const Bulkhead__Request *q);

/* NULL: not answered yet. */
Bulkhead__Reply *bh_line_answer(struct bh_line *l);

#endif
