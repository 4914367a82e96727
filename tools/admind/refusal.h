/* SPDX-License-Identifier: MIT */
/* refusal.h: a line on stderr for a request that the admin endpoint refuses, at most one
 * a second, however many are refused. */
#ifndef BH_ADMIND_REFUSAL_H
#define BH_ADMIND_REFUSAL_H

void bh_refusal_say(const char *what);

#endif
