/* SPDX-License-Identifier: MIT */
#include "workers/trace.h"

#include <unistd.h>

struct bh_trace bh_trace;

static struct bh_evring *ring(void)
{
	return &bh_rt.v.events[bh_rt.slot];
}

int64_t bh_trace_clock(void)
{
	return bh_rt_clock();
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
	return bh_rt.shared || (bh_ld_rlx(&t->state) & BH_PINNED) ? BH_EVQ_SHARED : BH_EVQ_LOCAL;
}

void bh_trace_write_ready(enum bh_event_kind kind, uint32_t idx)
{
	const struct bh_tcb *t = &bh_rt.v.tasks[idx];

	if (!bh_evring_room(ring()))
		return;
	put(&(struct bh_event){ .time_ns = (uint64_t)bh_rt_clock(),
				.kind = kind,
				.task = bh_handle(bh_state_gen(bh_ld_rlx(&t->state)), idx),
				.other = bh_rt.handle,
				.a = queue_of(t),
				.type = t->type });
}

void bh_trace_write_begin(void)
{
	struct bh_evring *r = ring();

	if (!bh_evring_room(r))
		return;
	bh_trace = (struct bh_trace){ .since_ns = bh_rt_clock(),
				      .task = bh_rt.handle,
				      .type = bh_rt.task->type };
	bh_st_rlx(&r->open_task, bh_trace.task);
	bh_st_rlx(&r->open_type, bh_trace.type);
	bh_compiler_barrier();
	bh_st_rlx(&r->open_ns, (uint64_t)bh_trace.since_ns);
}

/* Written even if the recording has ended meanwhile: it had begun. */
void bh_trace_write_end(void)
{
	int64_t now = bh_rt_clock();

	put(&(struct bh_event){ .time_ns = (uint64_t)now,
				.kind = bh_rt.slot < BH_MAX_WORKERS ? BH_EV_POLL : BH_EV_JOB,
				.task = bh_trace.task,
				.a = (uint64_t)(now - bh_trace.since_ns),
				.b = bh_trace.outcome,
				.type = bh_trace.type });
	/* After the event: killed in between, the poll is told of twice, not never. */
	bh_compiler_barrier();
	bh_st_rlx(&ring()->open_ns, 0);
	bh_trace.since_ns = 0;
}

void bh_trace_write_park(int64_t since_ns)
{
	int64_t now = bh_rt_clock();

	if (bh_evring_room(ring()))
		put(&(struct bh_event){ .time_ns = (uint64_t)now,
					.kind = BH_EV_PARK,
					.a = (uint64_t)(now - since_ns),
					.type = BH_EVENT_NO_TYPE });
}

void bh_trace_write_steal(uint32_t took, uint32_t from)
{
	if (bh_evring_room(ring()))
		put(&(struct bh_event){ .time_ns = (uint64_t)bh_rt_clock(),
					.kind = BH_EV_STEAL,
					.a = took,
					.b = from,
					.type = BH_EVENT_NO_TYPE });
}
