/* SPDX-License-Identifier: MIT */
/*
 * epoll.c: makes a service's epoll instances, and sees to it that events of its
 * sockets become wake-ups when its workers do not (ipc/queue/lease.h).
 *
 * For each instance always one of two holds, whatever the workers do:
 *
 *   armed      the instance, nested in the kernel's, wakes it
 *   watching   events do not wake the kernel; within a millisecond it looks whether
 *              the word of its lease has changed
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
#include "kernel/reactor/epoll.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "ipc/protocol/ready.h"
#include "ipc/queue/lease.h"
#include "ipc/system/event.h"
#include "kernel/base/watch.h"
#include "kernel/process/services.h"
#include "kernel/reactor/wake.h"

enum {
	EVENTS = 128,     /* taken at once */
	WAKE_STEP = 2048, /* I/O slots marked in one turn */
	ROUNDS = 4,       /* of one service in one turn; what is left comes again */
	PATIENCE_NS = 1000000,
};

/* -- the descriptors -------------------------------------------------------------- */

int bh_reactor_make(struct bh_ksvc *s, uint32_t n)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET };

	for (uint32_t i = 0; i < n; i++) {
		int fd = epoll_create1(EPOLL_CLOEXEC);

		if (fd < 0)
			return -errno;
		s->board->epfd[i] = (uint32_t)fd;
		if ((fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
			return -errno;
		s->board->kick[i] = (uint32_t)fd;
		if (epoll_ctl((int)s->board->epfd[i], EPOLL_CTL_ADD, fd, &e))
			return -errno;
	}
	return 0;
}

void bh_reactor_drop(struct bh_ksvc *s)
{
	for (uint32_t i = 0; i < BH_MAX_REACTORS; i++) {
		bh_drop_named(s->kernel, &s->board->epfd[i]);
		bh_drop_named(s->kernel, &s->board->kick[i]);
	}
}

bool bh_reactor_has(const struct bh_ksvc *s, int fd)
{
	for (uint32_t i = 0; i < BH_MAX_REACTORS; i++)
		if (fd == (int)s->board->epfd[i] || fd == (int)s->board->kick[i])
			return true;
	return false;
}

int bh_reactor_open(struct bh_ksvc *s)
{
	int err = 0;

	for (uint32_t i = 0; i < s->v.l.reactors && !err; i++) {
		s->v.kick[i] = (int)s->board->kick[i];
		s->reactor[i] = (struct bh_kreactor){ .armed = true };
		err = bh_watch(s->kernel, (int)s->board->epfd[i], BH_SRC_REACTOR,
			       s->id * BH_MAX_REACTORS + i);
	}
	return err;
}

void bh_reactor_note(struct bh_kernel *k, uint32_t index)
{
	k->svc[index / BH_MAX_REACTORS].reactor[index % BH_MAX_REACTORS].events = true;
}

/* -- events ----------------------------------------------------------------------- */

/* Killed in here: a successor marks and wakes all. */
static void dispatch(struct bh_ksvc *s, uint32_t at)
{
	struct epoll_event events[EVENTS];
	uint32_t tasks[2], k;
	bool kicked = false;
	int n = EVENTS;

	for (int round = 0; round < ROUNDS && n == EVENTS; round++) {
		n = epoll_wait((int)s->board->epfd[at], events, EVENTS, 0);
		for (int i = 0; i < n; i++) {
			kicked |= !events[i].data.u64;
			k = bh_ready_event(&s->v, events[i].data.u64, events[i].events, tasks);
			for (uint32_t j = 0; j < k; j++)
				bh_task_wake(s, tasks[j], BH_EV_IO, 0);
		}
	}
	/* That was for the worker which sleeps there, and the edge is gone. */
	if (kicked && bh_lease_sleeper(bh_ld_acq(&s->v.a->idle.lease[at].word)))
		bh_kick(s->v.kick[at]);
}

/* A change of the registration finds what is ready already, so nothing is missed
 * between the last dispatch and this. */
static void arm(struct bh_ksvc *s, uint32_t at, bool on)
{
	struct bh_kreactor *r = &s->reactor[at];
	struct epoll_event e = { .events = on ? EPOLLIN : 0,
				 .data.u64 = (uint64_t)BH_SRC_REACTOR << 32 |
					     (s->id * BH_MAX_REACTORS + at) };

	if (r->armed != on &&
	    !epoll_ctl(s->kernel->epfd, EPOLL_CTL_MOD, (int)s->board->epfd[at], &e))
		r->armed = on;
}

/* True while it is too early to say that no worker looks. */
static bool attended(struct bh_ksvc *s, uint32_t at)
{
	struct bh_kreactor *r = &s->reactor[at];
	uint64_t lease = bh_ld_acq(&s->v.a->idle.lease[at].word);
	bool woken = r->armed && r->events && bh_lease_sleeper(lease);

	/* One that slept until these events came has just been woken by them. */
	if (lease != r->lease || woken) {
		r->lease = lease;
		r->lease_ns = s->kernel->now_ns;
	}
	return s->kernel->now_ns - r->lease_ns < PATIENCE_NS;
}

static void look(struct bh_ksvc *s, uint32_t at)
{
	struct bh_kreactor *r = &s->reactor[at];

	if (attended(s, at)) {
		arm(s, at, false);
		bh_wake_by(s->kernel, r->lease_ns + PATIENCE_NS);
	} else {
		if (r->events || !r->armed)
			dispatch(s, at);
		arm(s, at, true);
	}
	r->events = false;
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
	bh_for_each_mapped_service(s, k) {
		if (s->ready_at && !bh_service_resetting(s)) {
			s->ready_at = bh_ready_step(&s->v, s->ready_at, WAKE_STEP);
			if (s->ready_at)
				bh_wake_by(k, k->now_ns);
		}
		for (uint32_t r = 0; r < s->v.l.reactors; r++)
			look(s, r);
	}
}
