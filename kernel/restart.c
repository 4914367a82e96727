/* SPDX-License-Identifier: MIT */
/* restart.c: who is started again, and when. */
#include "kernel/restart.h"

#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/proc.h"
#include "kernel/servers.h"
#include "kernel/service.h"
#include "kernel/watch.h"
#include "kernel/worker.h"

/* Up to a quarter less: who failed together does not come back together, again and
 * again. By entry and time, for it has to differ, not to be unpredictable. */
static int64_t jitter(const struct bh_kernel *k, uint32_t idx, int64_t delay_ns)
{
	uint64_t x = ((uint64_t)k->now_ns ^ (uint64_t)idx << 48) * 0x9e3779b97f4a7c15ull;

	return delay_ns - (int64_t)((x >> 32) % ((uint64_t)delay_ns / 4 + 1));
}

int64_t bh_pause_ms(uint32_t failures, uint32_t min_ms, uint32_t max_ms)
{
	uint32_t shift = failures && failures - 1 < 20 ? failures - 1 : 20;
	int64_t pause = (int64_t)(min_ms ? min_ms : 1) << shift;

	return !failures ? 0 : pause < max_ms ? pause : max_ms;
}

void bh_restart_later(struct bh_kernel *k, uint32_t idx, uint32_t failures, uint32_t min_ms,
		      uint32_t max_ms)
{
	struct bh_proc *p = bh_proc_at(k, idx);
	int64_t delay = bh_pause_ms(failures, min_ms, max_ms);

	p->failures = failures;
	p->start_at_ns = k->now_ns + jitter(k, idx, delay * BH_NS_PER_MS);
	bh_wake_by(k, p->start_at_ns);
	bh_st_rel(&p->state, BH_PROC_BACKOFF);
}

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
