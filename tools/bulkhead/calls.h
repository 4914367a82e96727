/* SPDX-License-Identifier: MIT */
/*
 * calls.h: whether Linux lets this process make the system calls that Bulkhead needs.
 *
 * A filter (of a container, of a unit) or an old Linux may refuse any of them, and most
 * have no substitute: found out one by one they would be a loop that turns, or a sentence
 * about something else. So all are tried at once, before anything runs; a filter cannot
 * become laxer later, and all processes of the system inherit it.
 */
#ifndef BH_TOOLS_BULKHEAD_CALLS_H
#define BH_TOOLS_BULKHEAD_CALLS_H

enum {
	BH_CALLS_WHY = 400
};

/* 0, or -errno: @why says in one sentence which call is refused, and by what. */
int bh_calls_try(char why[BH_CALLS_WHY]);

#endif
