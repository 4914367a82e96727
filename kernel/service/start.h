/* SPDX-License-Identifier: MIT */
/* start.h: starts that take long or fail. */
#ifndef BH_KERNEL_SERVICE_START_H
#define BH_KERNEL_SERVICE_START_H

#include "kernel/base/state.h"
#include "kernel/failure/facts.h"

/* The service has not come up: it is tried again, for ever, with pauses. The first start
 * of all: ends the system. */
void bh_start_failed(struct bh_ksvc *s, const char *why);

/* True if the worker is, or died, in its worker_init(). */
bool bh_start_in_init(const struct bh_child *c);

/* What died in worker_init(), and how: "" if it did not. Before its recovery. */
void bh_start_init_text(const struct bh_child *c, const struct bh_crash_facts *f,
			char out[static 160]);

/* Says it, after the recovery. A service that has no worker yet has failed to start. */
void bh_start_init_judge(struct bh_ksvc *s, const struct bh_crash_facts *f, const char *text);

/* Phase: how long the services that start have done so. */
void bh_phase_starts(struct bh_kernel *k);

#endif
