/* SPDX-License-Identifier: MIT */
/* gone.h: waits that a peer's hanging up ends, too. */
#ifndef BH_WORKERS_OWNED_GONE_H
#define BH_WORKERS_OWNED_GONE_H

#include "workers/owned/ioslot.h"

/*
 * Asks for a wake-up of the running task when the peer of @s, which is its own, hangs up
 * as @when says. -ECONNRESET: it has. 0: the task may wait now, and asks again when
 * it is woken. Other errors: -EBADF, -EINVAL. Commit: the CAS on the mark.
 */
int bh_gone_arm(struct bh_ioslot *s, enum bh_gone when);

/* Takes that back. */
void bh_gone_disarm(struct bh_ioslot *s);

#endif
