/* SPDX-License-Identifier: MIT */
/*
 * reactor.c: events of a service's sockets become ready marks and wake-ups.
 *
 * Workers register their sockets themselves, edge-triggered, with {generation,
 * index} of the I/O slot as data. An event for a slot that has been used again
 * since names the old generation and is dropped.
 */
#include "kernel.h"

#include <sys/epoll.h>

enum {
	EVENTS = 128,     /* taken at once */
	WAKE_STEP = 2048, /* I/O slots marked in one turn */
	ROUNDS = 4,       /* of one service in one turn; what is left comes again */
};

/* Killed between the wake-up and the queueing: a successor's scan queues it. */
void bh_task_wake(struct bh_ksvc *s, uint32_t idx)
{
	struct bh_tcb *t = bh_tcb_at(&s->v, idx);

	if (t && bh_state_wake(&t->state, 0, 0) == BH_WAKE_QUEUE)
		bh_enqueue_shared(&s->v, idx);
}

/* Killed between the mark and the wake-up: a successor wakes all that wait. */
static void mark(struct bh_ksvc *s, struct bh_ioslot *slot, int way, bool again)
{
	uint64_t old = bh_or(&slot->ready[way], BH_IO_READY);

	if ((old >> 32) && (again || !(old & BH_IO_READY)))
		bh_task_wake(s, (uint32_t)(old >> 32));
}

static void dispatch(struct bh_ksvc *s, const struct epoll_event *e)
{
	struct bh_ioslot *slot = bh_io_at(&s->v, bh_handle_idx(e->data.u64));

	if (!slot || bh_ld_acq(&slot->gen) != bh_handle_gen(e->data.u64))
		return;
	if (e->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		mark(s, slot, 0, false);
	if (e->events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		mark(s, slot, 1, false);
}

/* The next part of the slots. */
static void wake_some(struct bh_ksvc *s)
{
	uint32_t mark_at = bh_ld_acq(&s->v.a->io_pool.mark), end = s->v.l.ios;
	uint32_t stop = s->ready_at + WAKE_STEP;

	end = mark_at < end ? mark_at : end;
	stop = stop < end ? stop : end;
	for (uint32_t i = s->ready_at; i < stop; i++) {
		uint64_t owner = bh_ld_acq(&s->v.ios[i].owner);

		if (!owner || owner == BH_IO_CLOSING)
			continue;
		mark(s, &s->v.ios[i], 0, true);
		mark(s, &s->v.ios[i], 1, true);
	}
	s->ready_at = stop < end ? stop : 0;
	if (s->ready_at)
		bh_wake_by(s->kernel, s->kernel->now_ns);
}

void bh_reactor_wake_all(struct bh_ksvc *s)
{
	if (!s->ready_at)
		s->ready_at = 1;
	bh_wake_by(s->kernel, s->kernel->now_ns);
}

void bh_phase_reactor(struct bh_kernel *k)
{
	struct epoll_event events[EVENTS];

	for (uint32_t i = 0; i < k->plan->n_services; i++) {
		struct bh_ksvc *s = &k->svc[i];
		int n = EVENTS;

		if (s->ready_at && s->mapped && !bh_service_resetting(s))
			wake_some(s);
		if (!s->events || !s->mapped)
			continue;
		s->events = false;
		for (int round = 0; round < ROUNDS && n == EVENTS; round++) {
			n = epoll_wait((int)s->board->epfd, events, EVENTS, 0);
			for (int j = 0; j < n; j++)
				dispatch(s, &events[j]);
		}
	}
}
