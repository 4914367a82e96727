/* SPDX-License-Identifier: MIT */
/* attempt.h: one attempt on a descriptor, made into the three forms of a public call. */
#ifndef BH_WORKERS_DATAGRAM_ATTEMPT_H
#define BH_WORKERS_DATAGRAM_ATTEMPT_H

#include <stdint.h>
#include <sys/types.h>

#include "workers/owned/ioslot.h"

/*
 * What is tried on @s: a result, or a negative errno. -EAGAIN: an event of that direction
 * will tell when to try again. -EBUSY: nothing will.
 */
struct bh_attempt {
	ssize_t (*once)(const struct bh_ioslot *s, void *call);
	void *call;
	int dir; /* 0: to read, 1: to write */
};

/* For a fiber: until it is another one. -BH_ETIMEDOUT and -BH_ECANCELED besides. */
ssize_t bh_attempt(bh_io io, const struct bh_attempt *a, int64_t deadline);

/* Once, for any task. */
ssize_t bh_attempt_try(bh_io io, const struct bh_attempt *a);

/* For a poll task: -EAGAIN: its wake-up is arranged. */
struct bh_cx;
ssize_t bh_attempt_poll(struct bh_cx *cx, bh_io io, const struct bh_attempt *a);

#endif
