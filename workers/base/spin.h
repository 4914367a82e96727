/* SPDX-License-Identifier: MIT */
/* spin.h: how long an idle worker watches its park word before it sleeps (spin.c). */
#ifndef BH_WORKERS_BASE_SPIN_H
#define BH_WORKERS_BASE_SPIN_H

#include <stdbool.h>
#include <stdint.h>

#include "ipc/system/plan.h"

struct bh_spin {
	int64_t longest_ns;    /* 0: never */
	uint32_t cpus;         /* this process may run on */
	uint32_t paid;         /* of 256 idle times, so many were short, of late */
	int64_t rest_until_ns; /* others wanted the CPU */

	uint32_t doubt, skip; /* idle times to sleep through after a miss; those left */

	/* Of the idle time under way. */
	int64_t since_ns, end_ns; /* `end_ns` 0: it does not spin (any more) */
	bool missed;              /* it has spun in vain */
};

/* @p may be NULL: defaults. */
void bh_spin_init(struct bh_spin *s, const struct bh_plan_service *p);

/* True if there is a CPU for it at @now, beside @running other workers. */
bool bh_spin_room(const struct bh_spin *s, int64_t now, uint32_t running);

/* True if a spin is likely to be long enough. Counts one idle time. */
bool bh_spin_pays(struct bh_spin *s);

/* An idle time is over. It ended within the spin; or it took @idle_ns, the way
 * out of a system call included. */
void bh_spin_hit(struct bh_spin *s);
void bh_spin_slept(struct bh_spin *s, int64_t idle_ns);

#endif
