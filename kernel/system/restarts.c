/* SPDX-License-Identifier: MIT */
/* restarts.c: who is started again, and when. */
#include "kernel/system/restarts.h"

#include "kernel/base/log.h"
#include "kernel/base/watch.h"
#include "kernel/process/table.h"
#include "kernel/service/twin.h"
#include "kernel/service/worker.h"
#include "kernel/service/zygote.h"
#include "kernel/system/servers.h"

static void start_service(struct bh_ksvc *s)
{
	if (s->kernel->stop != BH_STOP_NOT)
		return;
	s->board->state = BH_PROC_FREE;
	if (!s->board->start_failures)
		bh_log("service %s starts again", s->plan->name);
	bh_service_start(s);
}

static void start(struct bh_child *c)
{
	switch (c->p->kind) {
	case BH_PROC_ZYGOTE:
		start_service(c->s);
		break;
	case BH_PROC_TWIN:
		bh_twin_start(c->s);
		break;
	case BH_PROC_WORKER:
		bh_worker_start(c);
		break;
	case BH_PROC_BLOCKING:
		bh_st_rel(&c->p->state, BH_PROC_FREE); /* if there are jobs still, it is found */
		break;
	case BH_PROC_ADMIND:
	case BH_PROC_TRACED:
		bh_server_start(c);
		break;
	default:
		break;
	}
}

void bh_phase_restarts(struct bh_kernel *k)
{
	if (k->stop != BH_STOP_NOT && k->stop != BH_STOP_GRACE)
		return;
	bh_for_each_child(c, k, BH_PROCS_ADMIND) {
		if (k->done || bh_child_state(c) != BH_PROC_BACKOFF)
			continue;
		if (c->p->start_at_ns <= k->now_ns)
			start(c);
		else
			bh_wake_by(k, c->p->start_at_ns);
	}
}
