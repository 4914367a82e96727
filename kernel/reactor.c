/* SPDX-License-Identifier: MIT */
/*
 * reactor.c: sees to it that events of a service's sockets become wake-ups when
 * its workers do not (ipc/lease.h).
 *
 * Always one of two holds, whatever the workers do:
 *
 *   armed      the service's epoll instance, nested in the kernel's, wakes it
 *   watching   events do not wake the kernel; within a millisecond it looks whether
 *              the word of the lease has changed
 *
 *            the word changes, or events
 *            came while a worker sleeps on them
 *     armed ──────────────────────────────────▶ watching
 *           ◀──────────────────────────────────
 *            it has not changed for a millisecond:
 *            what is there is dispatched here
 *
 * So an idle system sleeps for good, a busy one pays a thousand short turns a
 * second and no syscall of a worker, and a worker that is stuck, stopped or starved
 * stalls nobody's I/O: while no worker looks, the kernel does what it did before
 * there was a lease.
 */
#include "kernel.h"

#include <sys/epoll.h>

#include "ipc/ready.h"

enum {
	EVENTS = 128,     /* taken at once */
	WAKE_STEP = 2048, /* I/O slots marked in one turn */
	ROUNDS = 4,       /* of one service in one turn; what is left comes again */
	PATIENCE_NS = 1000000,
};

/* Killed between the wake-up and the queueing: a successor's scan queues it. */
void bh_task_wake(struct bh_ksvc *s, uint32_t idx, enum bh_event_kind why, uint64_t what)
{
	struct bh_tcb *t = bh_tcb_at(&s->v, idx);

	if (!t || bh_state_wake(&t->state, 0, 0) != BH_WAKE_QUEUE)
		return;
	bh_record_woken(s, idx, why, what);
	bh_enqueue_shared(&s->v, idx);
}

/* Killed in here: a successor marks and wakes all. */
static void dispatch(struct bh_ksvc *s)
{
	struct epoll_event events[EVENTS];
	uint32_t tasks[2], k;
	bool kicked = false;
	int n = EVENTS;

	for (int round = 0; round < ROUNDS && n == EVENTS; round++) {
		n = epoll_wait((int)s->board->epfd, events, EVENTS, 0);
		for (int i = 0; i < n; i++) {
			kicked |= !events[i].data.u64;
			k = bh_ready_event(&s->v, events[i].data.u64, events[i].events, tasks);
			for (uint32_t j = 0; j < k; j++)
				bh_task_wake(s, tasks[j], BH_EV_IO, 0);
		}
	}
	/* That was for the worker which sleeps there, and the edge is gone. */
	if (kicked && bh_lease_sleeper(bh_ld_acq(&s->v.a->idle.lease)))
		bh_kick(s->v.kick);
}

/* A change of the registration finds what is ready already, so nothing is missed
 * between the last dispatch and this. */
static void arm(struct bh_ksvc *s, bool on)
{
	struct epoll_event e = { .events = on ? EPOLLIN : 0,
				 .data.u64 = (uint64_t)BH_SRC_REACTOR << 32 | s->id };

	if (s->armed != on && !epoll_ctl(s->kernel->epfd, EPOLL_CTL_MOD, (int)s->board->epfd, &e))
		s->armed = on;
}

/* True while it is too early to say that no worker looks. */
static bool attended(struct bh_ksvc *s)
{
	uint64_t lease = bh_ld_acq(&s->v.a->idle.lease);
	bool woken = s->armed && s->events && bh_lease_sleeper(lease);

	/* One that slept until these events came has just been woken by them. */
	if (lease != s->lease || woken) {
		s->lease = lease;
		s->lease_ns = s->kernel->now_ns;
	}
	return s->kernel->now_ns - s->lease_ns < PATIENCE_NS;
}

void bh_reactor_wake_all(struct bh_ksvc *s)
{
	if (!s->ready_at)
		s->ready_at = 1;
	bh_wake_by(s->kernel, s->kernel->now_ns);
}

void bh_reactor_lost(struct bh_ksvc *s)
{
	s->ready_at = 1;
	bh_wake_by(s->kernel, s->kernel->now_ns);
}

void bh_phase_reactor(struct bh_kernel *k)
{
	for (uint32_t i = 0; i < k->plan->n_services; i++) {
		struct bh_ksvc *s = &k->svc[i];

		if (!s->mapped)
			continue;
		if (s->ready_at && !bh_service_resetting(s)) {
			s->ready_at = bh_ready_step(&s->v, s->ready_at, WAKE_STEP);
			if (s->ready_at)
				bh_wake_by(k, k->now_ns);
		}
		if (attended(s)) {
			arm(s, false);
			bh_wake_by(k, s->lease_ns + PATIENCE_NS);
		} else {
			if (s->events || !s->armed)
				dispatch(s);
			arm(s, true);
		}
		s->events = false;
	}
}
