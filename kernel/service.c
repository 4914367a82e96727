/* SPDX-License-Identifier: MIT */
/*
 * service.c: one service's arena, its zygote and the twin.
 *
 *   FREE ──start──▶ STARTING ──all workers up──▶ UP
 *                      ▲   │ it fails (start.c)   │ zygote and twin lost, or
 *                      │   ╰───────────────────╮  ▼ garbage in the arena
 *                   BACKOFF ◀──all dead────── DEAD (being ended)
 */
#include "kernel/service.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kernel/backoff.h"
#include "kernel/child.h"
#include "kernel/clock.h"
#include "kernel/crash.h"
#include "kernel/facts.h"
#include "kernel/heir.h"
#include "kernel/hold.h"
#include "kernel/lifeline.h"
#include "kernel/log.h"
#include "kernel/proc.h"
#include "kernel/procfs.h"
#include "kernel/reactor.h"
#include "kernel/request.h"
#include "kernel/reset.h"
#include "kernel/resize.h"
#include "kernel/shortage.h"
#include "kernel/start.h"
#include "kernel/text.h"
#include "kernel/timers.h"
#include "kernel/watch.h"
#include "kernel/wheel.h"
#include "kernel/wire.h"
#include "kernel/worker.h"

enum {
	TWIN_BACKOFF_MIN_MS = 10,
	TWIN_BACKOFF_MAX_MS = 5000,
	TWIN_HEALTHY_MS = 50, /* one that lived so long started well */
};

/* -- arena ------------------------------------------------------------------------- */

static void close_io(void *ctx, uint32_t idx)
{
	struct bh_ksvc *s = ctx;
	struct bh_ioslot *slot = bh_io_at(&s->v, idx);
	struct bh_proc *z = bh_proc_at(s->kernel, bh_zygote_proc(s, BH_PROC_ZYGOTE));

	if (!slot)
		return;
	struct bh_ctl m = { .op = BH_CTL_CLOSE_IO, .slot = idx, .epoch = bh_ld_acq(&slot->gen) };
	if (bh_ld_acq(&z->state) == BH_PROC_UP && !bh_ctl_send(z->ctl, &m, -1))
		return;
	/* The slot says CLOSING: it is found again when the zygote listens. */
	if (!s->closing || idx < s->closing_at)
		s->closing_at = idx;
	s->closing = true;
}

int bh_service_open(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;
	struct bh_layout l;

	bh_layout_from_plan(&l, s->plan);
	int err = bh_view_map(&s->v, &l, (int)s->board->arena_memfd, NULL, true);
	if (err)
		return err;
	err = bh_timers_init(s);
	if (err) {
		bh_view_unmap(&s->v);
		return err;
	}
	s->ops = (struct bh_recover_ops){ .close_io = close_io, .held = bh_held, .ctx = s };
	s->mapped = true;
	s->refused = bh_ld_rlx(&s->v.a->files.refused);
	bh_shortage_begin(s);
	bh_st_rel(&s->v.a->blocking.mark, s->board->blocking_mark);
	err = bh_reactor_open(s);
	if (!err)
		err = bh_watch(k, (int)s->board->doorbell, BH_SRC_DOORBELL, s->id);
	return err;
}

static void drop_arena(struct bh_ksvc *s)
{
	if (s->mapped) {
		bh_wheel_fini(&s->wheel);
		bh_view_unmap(&s->v);
	}
	s->mapped = s->scanning = s->scan_again = s->closing = s->audit = s->files = false;
	s->done = false;
	s->look = (struct bh_kaudit){ 0 };
	s->trim = (struct bh_ktrim){ 0 };
	s->rearm_at = s->ready_at = 0;
	s->were_up = 0;
	bh_reactor_drop(s);
	bh_drop_named(s->kernel, &s->board->arena_memfd);
	bh_drop_named(s->kernel, &s->board->doorbell);
}

static int make_arena(struct bh_ksvc *s)
{
	struct bh_board_service *b = s->board;
	struct bh_layout l;
	int fd;

	drop_arena(s);
	bh_layout_from_plan(&l, s->plan);
	fd = bh_arena_create(&l, s->plan->name, s->kernel->now_ns);
	if (fd < 0)
		return fd;
	b->arena_memfd = (uint32_t)fd;
	b->arena_bytes = l.bytes;
	if ((fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
		return -errno;
	b->doorbell = (uint32_t)fd;
	if ((fd = bh_reactor_make(s, l.reactors)) < 0)
		return fd;
	b->arena_seq++;
	return bh_service_open(s);
}

/* -- zygote --------------------------------------------------------------------------- */

/* The kernel is told as a zygote would tell it. */
static __attribute__((format(printf, 2, 3))) int zygote_fails(int err, const char *fmt, ...)
{
	struct bh_ctl m = { .op = BH_CTL_READY, .value = err };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(m.text, sizeof(m.text), fmt, ap);
	va_end(ap);
	bh_ctl_send(BH_CTL_FD, &m, -1);
	return 111;
}

static int zygote_child(struct bh_kernel *k, uint32_t idx, int ctl)
{
	const struct bh_ksvc *s = &k->svc[bh_proc_at(k, idx)->service];
	const struct bh_plan_service *plan = s->plan;
	int image = k->images->host[s->id], module = k->images->module[s->id];
	int fds[7 + 2 * BH_MAX_REACTORS + BH_PLAN_LISTEN] = { BH_PLAN_FD, ctl,
							      (int)s->board->arena_memfd,
							      (int)s->board->doorbell };
	char number[16];
	char *argv[] = { (char *)(uintptr_t)plan->host, (char *)(uintptr_t) "--zygote",
			 (char *)(uintptr_t)plan->name, NULL };
	int n = 4, err;

	for (uint32_t i = 0; i < s->v.l.reactors; i++) {
		fds[n++] = (int)s->board->epfd[i];
		fds[n++] = (int)s->board->kick[i];
	}
	for (uint32_t i = 0; i < plan->n_listen && i < BH_PLAN_LISTEN; i++)
		fds[n++] = plan->listen[i].fd;
	if ((err = bh_lifeline_join(k->lifeline)) >= 0) {
		fds[n++] = err;
		fds[n++] = module;
		fds[n++] = image;
		err = bh_child_fds(fds, n, false);
		bh_child_limit(&plan->limits);
	}
	snprintf(number, sizeof(number), "%u", s->id);
	setenv("BULKHEAD_SERVICE", number, 1);
	bh_child_expendable();
	if (!err && (err = bh_child_user(&plan->user)))
		return zygote_fails(err, "cannot become uid %u: %s%s", plan->user.uid,
				    strerror(-err),
				    err == -EPERM ? " (no CAP_SETUID, or not mapped here)" : "");
	if (!err)
		err = image < 0 ? image : bh_child_exec(3 + n - 1, argv);
	if (err == -EAGAIN) /* that user's limit */
		return zygote_fails(err, "cannot run it: %s%s", strerror(-err), bh_proc_hint(err));
	return zygote_fails(err, "cannot run %.60s: %.36s", plan->host, strerror(-err));
}

void bh_service_start(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;
	struct bh_board_service *b = s->board;
	char why[160];

	b->start_ns = k->now_ns;
	s->start_told_ns = 0;
	b->main_ended = 0;
	b->main_crashes.seen = 0;
	int err = make_arena(s);
	b->state = BH_PROC_STARTING;
	if (!err)
		err = bh_proc_start(k, bh_zygote_proc(s, BH_PROC_ZYGOTE), zygote_child);
	if (!err) {
		bh_servers_owe(k);
		return;
	}
	snprintf(why, sizeof(why), "%s%s", strerror(-err), bh_proc_hint(err));
	bh_start_failed(s, why);
}

void bh_zygote_ready(struct bh_ksvc *s, const struct bh_ctl *m)
{
	struct bh_kernel *k = s->kernel;
	uint32_t idx = bh_zygote_proc(s, BH_PROC_ZYGOTE);
	struct bh_proc *z = bh_proc_at(k, idx);

	/* Asked to stop, it need not begin. */
	if (bh_ld_acq(&z->state) != BH_PROC_STARTING || bh_service_resetting(s) ||
	    k->stop != BH_STOP_NOT)
		return;
	if (m->value) {
		bh_start_failed(s, m->text[0] ? m->text :
						strerror(m->value < 0 ? -m->value : EPROTO));
		return;
	}
	bh_st_rel(&s->v.a->run_state, BH_RUN_RUNNING);
	bh_st_rel(&z->state, BH_PROC_UP);
	bh_resize_tell(s);
	for (uint32_t i = 0; i < s->board->workers_wanted; i++)
		bh_worker_start(s, i);
	bh_twin_start(s);
}

/* -- twin -------------------------------------------------------------------------------- */

void bh_twin_start(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;
	struct bh_proc *z = bh_proc_at(k, bh_zygote_proc(s, BH_PROC_ZYGOTE));
	uint32_t idx = bh_zygote_proc(s, BH_PROC_TWIN);
	struct bh_proc *p = bh_proc_at(k, idx);
	struct bh_ctl m = { .op = BH_CTL_FORK_TWIN };
	int ctl, err;

	if (bh_ld_acq(&z->state) != BH_PROC_UP || bh_proc_live(p) || k->stop != BH_STOP_NOT)
		return;
	bh_proc_forget(k, idx);
	p->started_ns = k->now_ns;
	/* Of both entries: they change places, and no two twins share an epoch. */
	m.epoch = p->epoch = 1 + (p->epoch > z->epoch ? p->epoch : z->epoch);
	bh_st_rel(&p->state, BH_PROC_STARTING);
	ctl = bh_proc_socket(k, idx);
	err = ctl < 0 ? ctl : bh_ctl_send(z->ctl, &m, ctl);
	if (ctl >= 0)
		close(ctl);
	if (err)
		bh_restart_later(k, idx, p->failures + 1, TWIN_BACKOFF_MIN_MS, TWIN_BACKOFF_MAX_MS);
}

void bh_twin_made(struct bh_ksvc *s, const struct bh_ctl *m, int pidfd)
{
	struct bh_kernel *k = s->kernel;
	uint32_t idx = bh_zygote_proc(s, BH_PROC_TWIN);
	struct bh_proc *p = bh_proc_at(k, idx);
	int32_t pid = m->value;
	bool mine = bh_ld_acq(&p->state) == BH_PROC_STARTING && p->pid == 0 && m->epoch == p->epoch;

	/* One that was reaped already is none; nor is a process that is somebody else. */
	if (mine && pid > 0 && (bh_pidfd_pid(k, pidfd) != pid || bh_proc_taken(k, pid)))
		pid = -ENOENT;
	if (mine && pid < 0) {
		/* The first, the second, the fourth time in a row, and so on. */
		if (pid != -ENOENT && !(p->failures & (p->failures + 1)))
			bh_log("service %s: its zygote cannot make a twin: %s%s; trying again",
			       s->plan->name, strerror(-pid), bh_proc_hint(pid));
		bh_restart_later(k, idx, p->failures + 1, TWIN_BACKOFF_MIN_MS, TWIN_BACKOFF_MAX_MS);
	}
	if (!mine || pid <= 0) {
		/* One of an earlier request lost its socket, and ends by itself. */
		if (pidfd >= 0)
			close(pidfd);
		return;
	}
	bh_proc_pid(k, idx, pid, pidfd);
	bh_st_rel(&p->state, BH_PROC_UP);
}

/* Which process it is Linux itself wrote to the arena, in the clone (ipc/clones.h).
 * The zygote is dead, or its message will find the twin known. */
static void twin_adopt(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;
	struct bh_clones *c = &s->v.a->clones;
	uint32_t idx = bh_zygote_proc(s, BH_PROC_TWIN);
	struct bh_proc *p = bh_proc_at(k, idx);

	if (bh_ld_acq(&p->state) != BH_PROC_STARTING || p->pid != 0 || p->ctl < 0 ||
	    bh_ld_acq(&c->twin_epoch) != p->epoch)
		return;
	int32_t pid = bh_ld_acq(&c->twin_pid);
	int pidfd = bh_proc_stray(k, pid);

	if (pidfd < 0)
		return;
	bh_proc_pid(k, idx, pid, pidfd);
	bh_st_rel(&p->state, BH_PROC_UP);
}

/* A twin that a dead kernel asked for, or was about to: asking for another would
 * abandon one that is made at this moment, and the zygote may be killed after it. */
void bh_twin_ask(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;
	uint32_t idx = bh_zygote_proc(s, BH_PROC_TWIN);
	struct bh_proc *p = bh_proc_at(k, idx);
	struct bh_proc *z = bh_proc_at(k, bh_zygote_proc(s, BH_PROC_ZYGOTE));
	struct bh_ctl m = { .op = BH_CTL_FORK_TWIN, .epoch = p->epoch };

	twin_adopt(s);
	if (p->pid != 0 && bh_ld_acq(&p->state) == BH_PROC_STARTING)
		bh_st_rel(&p->state, BH_PROC_UP); /* known, and not yet said to be */
	if (p->pid != 0 || bh_ld_acq(&p->state) == BH_PROC_BACKOFF)
		return;
	if (bh_ld_acq(&p->state) != BH_PROC_STARTING)
		bh_twin_start(s);
	else if (bh_ctl_send(z->ctl, &m, -1) == -EAGAIN)
		bh_restart_later(k, idx, p->failures + 1, TWIN_BACKOFF_MIN_MS, TWIN_BACKOFF_MAX_MS);
}

static void twin_died(struct bh_ksvc *s, uint32_t idx, int status)
{
	struct bh_kernel *k = s->kernel;
	struct bh_proc *p = bh_proc_at(k, idx);
	bool healthy = k->now_ns - p->started_ns > TWIN_HEALTHY_MS * BH_NS_PER_MS;
	char text[40];

	if (!k->proc[idx].killed)
		bh_log("service %s: the zygote's twin (pid %d) %s; there will be another",
		       s->plan->name, p->pid, bh_death_text(status, text));
	bh_proc_forget(k, idx);
	bh_restart_later(k, idx, healthy ? 0 : p->failures + 1, TWIN_BACKOFF_MIN_MS,
			 TWIN_BACKOFF_MAX_MS);
}

/* -- death of a zygote -------------------------------------------------------------------- */

/* What the dead one was asked and did not do, its successor is asked. */
static void ask_again(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;

	bh_heirs_lost(s);
	for (uint32_t i = 0; i < BH_SLOTS; i = bh_slot_next(s, i)) {
		struct bh_proc *p = bh_proc_at(k, bh_worker_proc(s, i));

		if (bh_ld_acq(&p->state) == BH_PROC_STARTING && p->pid == 0 && bh_worker_bump(s, i))
			bh_worker_ask(s, i);
	}
	s->audit = s->closing = s->files = true;
	s->closing_at = 1;
}

static void promote(struct bh_ksvc *s, uint32_t dead, int status)
{
	struct bh_kernel *k = s->kernel;
	uint32_t twin = dead == s->procs ? s->procs + 1 : s->procs;
	struct bh_crash_facts facts = {
		.service = s->id, .worker = UINT32_MAX, .status = status, .status_known = true
	};
	struct bh_proc *d = bh_proc_at(k, dead), *t = bh_proc_at(k, twin);

	bh_st_rel(&d->state, BH_PROC_DEAD);
	bh_crash_record(k, dead, &facts);
	s->board->zygote_restarts++;
	/* In this order: attach.c knows the dead one of two zygotes by its state. */
	t->kind = BH_PROC_ZYGOTE;
	bh_compiler_barrier();
	d->kind = BH_PROC_TWIN;
	bh_crash_replaced(k, dead, bh_clock_ns());
	bh_proc_forget(k, dead);
	bh_st_rel(&d->state, BH_PROC_FREE);
	ask_again(s);
	bh_twin_start(s);
}

void bh_zygote_died(struct bh_ksvc *s, uint32_t idx, int status, bool starting)
{
	struct bh_kernel *k = s->kernel;
	struct bh_proc *p = bh_proc_at(k, idx);
	uint32_t twin = bh_zygote_proc(s, BH_PROC_TWIN);
	char text[40], why[120];

	if (bh_service_resetting(s) || k->stop >= BH_STOP_KILL) {
		bh_proc_forget(k, idx);
		bh_st_rel(&p->state, BH_PROC_FREE);
		bh_service_reset_step(s, false);
		return;
	}
	if (p->kind == BH_PROC_TWIN) {
		twin_died(s, idx, status);
		return;
	}
	twin_adopt(s);
	if (!starting && bh_ld_acq(&bh_proc_at(k, twin)->state) == BH_PROC_UP &&
	    !bh_proc_dead(k, twin)) {
		promote(s, idx, status);
		return;
	}
	snprintf(why, sizeof(why), "the zygote %s%s", bh_death_text(status, text),
		 starting ? " while it was starting" : ", and it had no twin");
	if (starting)
		bh_start_failed(s, why);
	else
		bh_service_reset(s, why);
}
