/* SPDX-License-Identifier: MIT */
/* refusal.h: one line on stderr for what the admin endpoint refuses, at most one
 * a second, whatever is sent. */
#ifndef BH_ADMIND_REFUSAL_H
#define BH_ADMIND_REFUSAL_H

void bh_refusal_say(const char *what);

#endif
