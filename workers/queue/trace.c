/* SPDX-License-Identifier: MIT */
#include "workers/queue/trace.h"

#include "ipc/base/monotonic.h"
#include "workers/base/rt.h"

struct bh_trace bh_trace;

static struct bh_evring *ring(void)
{
	return &bh_rt.v.events[bh_rt.slot];
}

bool bh_trace_room(void)
{
	return bh_evring_room(ring());
}

static void put(struct bh_event *e)
{
	e->service = (uint8_t)(bh_rt.plan ? bh_rt.plan_service - bh_rt.plan->services : 0);
	e->slot = (uint16_t)bh_rt.slot;
	e->cpu = ~0u;
	e->pid = (uint32_t)(bh_ld_rlx(&bh_rt.me->word) >> 32);
	bh_evring_put(ring(), e);
}

static enum bh_event_queue queue_of(const struct bh_tcb *t)
{
	if (t->kind == BH_KIND_BLOCKING)
		return BH_EVQ_JOBS;
	return (bh_rt.slow_path & BH_SLOW_SHARED) || (bh_ld_rlx(&t->state) & BH_PINNED) ?
		       BH_EVQ_SHARED :
		       BH_EVQ_LOCAL;
}

void bh_trace_ready(enum bh_event_kind how, uint32_t idx)
{
	const struct bh_tcb *t = &bh_rt.v.tasks[idx];

	if (!bh_trace_on() || !bh_trace_room())
		return;
	put(&(struct bh_event){ .time_ns = (uint64_t)bh_monotonic_ns(),
				.kind = how,
				.task = bh_handle(bh_state_gen(bh_ld_rlx(&t->state)), idx),
				.other = bh_rt.handle,
				.a = queue_of(t),
				.type = t->type });
}

void bh_trace_begin(int64_t now_ns)
{
	struct bh_evring *r = ring();

	bh_trace = (struct bh_trace){ .since_ns = now_ns,
				      .task = bh_rt.handle,
				      .type = bh_rt.task->type };
	bh_st_rlx(&r->open_task, bh_trace.task);
	bh_st_rlx(&r->open_type, bh_trace.type);
	bh_compiler_barrier();
	bh_st_rlx(&r->open_ns, (uint64_t)now_ns);
}

/* Written even if the recording has ended meanwhile: it had begun. */
void bh_trace_end(int64_t now_ns)
{
	if (!bh_trace.since_ns)
		return;
	put(&(struct bh_event){ .time_ns = (uint64_t)now_ns,
				.kind = bh_rt.slot < BH_MAX_WORKERS ? BH_EV_POLL : BH_EV_JOB,
				.task = bh_trace.task,
				.a = (uint64_t)(now_ns - bh_trace.since_ns),
				.b = bh_trace.outcome,
				.type = bh_trace.type });
	/* After the event: killed in between, the poll is told of twice, not never. */
	bh_compiler_barrier();
	bh_st_rlx(&ring()->open_ns, 0);
	bh_trace.since_ns = 0;
}

void bh_trace_parked(int64_t since_ns, int64_t now_ns)
{
	if (bh_trace_on() && bh_trace_room())
		put(&(struct bh_event){ .time_ns = (uint64_t)now_ns,
					.kind = BH_EV_PARK,
					.a = (uint64_t)(now_ns - since_ns),
					.type = BH_EVENT_NO_TYPE });
}

void bh_trace_stolen(uint32_t took, uint32_t from)
{
	if (bh_trace_on() && bh_trace_room())
		put(&(struct bh_event){ .time_ns = (uint64_t)bh_monotonic_ns(),
					.kind = BH_EV_STEAL,
					.a = took,
					.b = from,
					.type = BH_EVENT_NO_TYPE });
}
