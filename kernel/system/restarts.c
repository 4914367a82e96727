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

static void start(struct bh_kernel *k, uint32_t idx)
{
	struct bh_proc *p = bh_proc_at(k, idx);

	switch (p->kind) {
	case BH_PROC_ZYGOTE:
		start_service(&k->svc[p->service]);
		break;
	case BH_PROC_TWIN:
		bh_twin_start(&k->svc[p->service]);
		break;
	case BH_PROC_WORKER:
		bh_worker_start(&k->svc[p->service], p->slot);
		break;
	case BH_PROC_BLOCKING:
		bh_st_rel(&p->state, BH_PROC_FREE); /* if there are jobs still, it is found */
		break;
	case BH_PROC_ADMIND:
	case BH_PROC_TRACED:
		bh_server_start(k, idx);
		break;
	default:
		break;
	}
}

void bh_phase_restarts(struct bh_kernel *k)
{
	if (k->stop != BH_STOP_NOT && k->stop != BH_STOP_GRACE)
		return;
	for (uint32_t i = BH_PROCS_ADMIND; i < BH_BOARD_PROCS && !k->done;
	     i = bh_proc_after(k, i)) {
		struct bh_proc *p = bh_proc_at(k, i);

		if (bh_ld_acq(&p->state) != BH_PROC_BACKOFF)
			continue;
		if (p->start_at_ns <= k->now_ns)
			start(k, i);
		else
			bh_wake_by(k, p->start_at_ns);
	}
}
