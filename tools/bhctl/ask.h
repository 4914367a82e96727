/* SPDX-License-Identifier: MIT */
/* ask.h: one request, one reply. */
#ifndef BH_BHCTL_ASK_H
#define BH_BHCTL_ASK_H

#include "bulkhead.pb-c.h"

/* Sends @q to the system at @url. 0: *@out is its answer, the caller's. Else an
 * exit code; it has been said why. */
int bh_ask(const char *url, const Bulkhead__Request *q, Bulkhead__Reply **out);

#endif
