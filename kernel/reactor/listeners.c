/* SPDX-License-Identifier: MIT */
/*
 * listeners.c: addresses of `listen` at which a service does not accept. The socket is
 * bound before the service runs, so clients connect, and nobody comes. Each is said once,
 * some seconds after the service has come up: by then a main has listened where it will.
 */
#include "kernel/reactor/listeners.h"

#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/watch.h"
#include "kernel/process/services.h"

#define PATIENCE (5 * BH_NS_PER_S)

static void tell(const struct bh_ksvc *s)
{
	uint32_t listened = bh_ld_rlx(&s->v.a->listened);

	for (uint32_t i = 0; i < s->plan->n_listen && i < BH_PLAN_LISTEN; i++)
		if (!(listened & 1u << i))
			bh_log("service %s: nobody accepts at %s, and who connects there waits in "
			       "vain: give bh_listen() that address (or NULL: all), or take it out "
			       "of `listen`",
			       s->plan->name, s->plan->listen[i].actual);
}

static void look(struct bh_ksvc *s)
{
	if (!s->listen_told_ns)
		s->listen_told_ns = s->kernel->now_ns + PATIENCE;
	if (s->kernel->now_ns >= s->listen_told_ns) {
		tell(s);
		s->listen_told_ns = INT64_MAX;
	} else {
		bh_wake_by(s->kernel, s->listen_told_ns);
	}
}

void bh_phase_listeners(struct bh_kernel *k)
{
	bh_for_each_running_service(s, k)
		if (k->stop == BH_STOP_NOT && s->board->state == BH_PROC_UP && !s->done &&
		    s->listen_told_ns != INT64_MAX)
			look(s);
}
