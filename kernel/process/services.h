/* SPDX-License-Identifier: MIT */
/* services.h: how far a service is, and the services that are so far. */
#ifndef BH_KERNEL_PROCESS_SERVICES_H
#define BH_KERNEL_PROCESS_SERVICES_H

#include "kernel/process/table.h"

/* Its zygote loads its code or runs init(): no other process is in its arena, nothing in that
 * is of interest to anybody, and no task of it knows of another service. */
static inline bool bh_service_loading(const struct bh_ksvc *s)
{
	return bh_child_state(bh_zygote_child(s, BH_PROC_ZYGOTE)) == BH_PROC_STARTING;
}

static inline bool bh_service_resetting(const struct bh_ksvc *s)
{
	return s->board->state == BH_PROC_DEAD || s->board->state == BH_PROC_BACKOFF;
}

/* It is being ended, alone or with the system: what dies of it is not replaced. */
static inline bool bh_service_ending(const struct bh_ksvc *s)
{
	return bh_service_resetting(s) || s->kernel->stop >= BH_STOP_KILL;
}

static inline struct bh_ksvc *bh_mapped_from(struct bh_kernel *k, struct bh_ksvc *s)
{
	while (s < k->svc + k->plan->n_services && !s->mapped)
		s++;
	return s < k->svc + k->plan->n_services ? s : NULL;
}

static inline struct bh_ksvc *bh_running_from(struct bh_kernel *k, struct bh_ksvc *s)
{
	while ((s = bh_mapped_from(k, s)) && bh_service_ending(s))
		s++;
	return s;
}

#define bh_for_each_service(s, k) \
	for (struct bh_ksvc *s = (k)->svc; s < (k)->svc + (k)->plan->n_services; s++)

/* Those that have an arena; and of these those that are not being ended, whose tasks run, or
 * are about to. */
#define bh_for_each_mapped_service(s, k) \
	for (struct bh_ksvc *s = bh_mapped_from(k, (k)->svc); s; s = bh_mapped_from(k, s + 1))
#define bh_for_each_running_service(s, k) \
	for (struct bh_ksvc *s = bh_running_from(k, (k)->svc); s; s = bh_running_from(k, s + 1))

#endif
