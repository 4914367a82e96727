/* SPDX-License-Identifier: MIT */
/*
 * attach.c: a kernel's start. The first one and one that follows a kill go the
 * same way: each thing that the board does not show as done is done, or done
 * again.
 *
 * What the dead kernel was about to tell the workers is lost with it; so every
 * timer is armed anew, every I/O slot is marked ready once, and a scan queues
 * whatever is SCHEDULED.
 */
#include "kernel/system/attach.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipc/base/out.h"
#include "ipc/protocol/blocking.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/watch.h"
#include "kernel/failure/backoff.h"
#include "kernel/failure/crash.h"
#include "kernel/failure/fail.h"
#include "kernel/process/images.h"
#include "kernel/process/request.h"
#include "kernel/process/services.h"
#include "kernel/process/table.h"
#include "kernel/reactor/epoll.h"
#include "kernel/reactor/events.h"
#include "kernel/reactor/timers.h"
#include "kernel/repair/nobody.h"
#include "kernel/service/reset.h"
#include "kernel/service/service.h"
#include "kernel/system/lifecycle.h"
#include "kernel/system/messages.h"
#include "kernel/system/servers.h"
#include "kernel/worker/resize.h"
#include "kernel/worker/twin.h"
#include "kernel/worker/worker.h"
#include "kernel/worker/zygote.h"

static void fill_service(const struct bh_ksvc *s)
{
	const struct bh_plan_service *plan = s->plan;
	struct bh_board_service *b = s->board;

	memcpy(b->name, plan->name, sizeof(b->name));
	b->workers = s->workers;
	b->workers_wanted = plan->workers;
	b->since_ns = s->kernel->now_ns;
	b->n_listen = plan->n_listen;
	for (uint32_t i = 0; i < plan->n_listen; i++)
		memcpy(b->listen[i], plan->listen[i].actual, sizeof(b->listen[i]));
}

/* The kernel's own entry is the commit: what stands in the others is valid. */
static void fill_board(struct bh_kernel *k)
{
	struct bh_child *self = bh_child_at(k, BH_PROCS_KERNEL);

	bh_child_blank(bh_child_at(k, BH_PROCS_ADMIND), BH_PROC_ADMIND);
	bh_child_blank(bh_child_at(k, BH_PROCS_TRACED), BH_PROC_TRACED);
	bh_for_each_service(s, k) {
		fill_service(s);
		bh_child_blank(bh_child_at(k, s->procs), BH_PROC_ZYGOTE);
		bh_child_blank(bh_child_at(k, s->procs + 1), BH_PROC_TWIN);
		bh_for_each_worker(c, s)
			bh_child_blank(c, BH_PROC_WORKER);
	}
	k->board->n_services = k->plan->n_services;
	bh_child_blank(self, BH_PROC_NONE);
	bh_compiler_barrier();
	self->p->kind = BH_PROC_KERNEL;
}

static void take_entry(struct bh_kernel *k)
{
	struct bh_proc *p = bh_child_at(k, BH_PROCS_KERNEL)->p;

	p->pid = getpid();
	p->started_ns = k->now_ns;
	p->restarts = k->board->kernel_restarts;
	bh_st_rel(&p->state, BH_PROC_UP);
}

/* A kernel that was killed while a twin took over left two zygotes. */
static void settle_zygotes(struct bh_ksvc *s)
{
	struct bh_child *a = bh_child_at(s->kernel, s->procs), *b = a + 1;

	if (a->p->kind == b->p->kind)
		(bh_child_state(a) == BH_PROC_UP ? b : a)->p->kind = BH_PROC_TWIN;
}

static void attach_slot(struct bh_child *c)
{
	struct bh_ksvc *s = c->s;

	bh_nobody_mend(c);
	uint32_t state = bh_child_state(c);

	s->board->worker_pid[c->slot] = c->p->pid; /* the entry comes first */
	if (state == BH_PROC_UP && bh_child_is_worker(c))
		s->were_up |= 1ull << c->slot;
	if (state == BH_PROC_STARTING && c->p->pid > 0) {
		bh_worker_go_on(c);
	} else if (state == BH_PROC_STARTING && !c->life.asked) {
		/* Asked for or not: no trace tells. */
		if (bh_worker_bump(c))
			bh_worker_ask(c);
	} else if (state == BH_PROC_DEAD && c->p->pid == 0) {
		bh_restart_later(c, c->p->failures, s->plan->backoff_min_ms,
				 s->plan->backoff_max_ms);
	} else if (state == BH_PROC_DEAD) {
		bh_crash_count(c);
		c->life.gone = true;
		bh_wake_by(c->k, c->k->now_ns);
	} else if (state == BH_PROC_FREE && c->slot < s->board->workers_wanted) {
		bh_worker_start(c);
	}
}

static void attach_workers(struct bh_ksvc *s)
{
	s->look_aborted = true;
	bh_for_each_slot(c, s)
		attach_slot(c);
	bh_twin_ask(s);
}

static void wake_everybody(struct bh_ksvc *s)
{
	bh_resize_tell(s); /* the board may be ahead of the arena */
	bh_timers_rebuild(s);
	bh_reactor_wake_all(s);
	bh_verify_start(s, true);
	s->audit = s->closing = s->files = true;
	s->closing_at = 1;
	bh_unpark_all(&s->v);
	bh_blocking_rouse(&s->v); /* whom the dead one had picked, and not yet woken */
}

/* For want of memory, most likely: it is down until there is some. Who runs in the old
 * arena cannot be told from here to leave it, so nobody of them may stay. */
static void do_without(struct bh_ksvc *s, int err)
{
	char why[80];

	snprintf(why, sizeof(why), "a new kernel cannot take up its arena: %s", strerror(-err));
	bh_service_reset(s, why);
	/* Workers that no kernel knew yet are ended as they are told of. */
	bh_control_drain(bh_zygote_child(s, BH_PROC_ZYGOTE));
}

static void attach_service(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;
	struct bh_child *z;

	if (s->board->state == BH_PROC_FREE) {
		/* For the first time, or it was about to start again. */
		if (bh_ld_acq(&k->board->system_state) < BH_SYSTEM_STOPPING)
			bh_service_start(s);
		return;
	}
	int err = bh_service_open(s);
	settle_zygotes(s);
	bh_for_each_of_service(c, s)
		bh_child_watch(c);
	if (err) {
		do_without(s, err);
		return;
	}
	bh_recover_kernel(&s->v);
	z = bh_zygote_child(s, BH_PROC_ZYGOTE);
	bh_control_drain(z);
	if (bh_service_resetting(s))
		return;
	if (z->p->pid == 0) {
		bh_service_end(s); /* the kernel was killed while it made the zygote */
	} else if (bh_child_state(z) == BH_PROC_UP) {
		attach_workers(s);
		if (!bh_service_resetting(s))
			wake_everybody(s);
	}
}

static void attach_server(struct bh_child *c, bool wanted)
{
	if (!wanted || bh_child_state(c) == BH_PROC_BACKOFF)
		return;
	if (c->p->pid > 0) {
		bh_child_watch(c);
		c->life.owed = true;
	} else {
		bh_server_start(c);
	}
}

/* -- what a dead kernel had just opened ------------------------------------------------ */

static bool is_known(struct bh_kernel *k, int fd)
{
	bh_for_each_child(c, k, BH_PROCS_KERNEL)
		if (c->p->pidfd == fd || c->p->ctl == fd)
			return true;
	for (uint32_t i = 0; i < k->plan->n_services; i++) {
		const struct bh_board_service *b = k->svc[i].board;

		if (fd == (int)b->arena_memfd || fd == (int)b->doorbell ||
		    bh_reactor_has(&k->svc[i], fd))
			return true;
		for (uint32_t j = 0; j < k->plan->services[i].n_listen; j++)
			if (fd == k->plan->services[i].listen[j].fd)
				return true;
	}
	return fd <= BH_PLAN_FD || bh_out_has(fd) || bh_images_have(k->images, fd) ||
	       fd == k->sigfd || fd == k->epfd || fd == k->plan->lock_fd || fd == k->board_fd ||
	       fd == k->death_fd || fd == k->lifeline || fd == k->lifeline_end ||
	       fd == (int)k->board->trace_page;
}

/* The guardian shares the table, but opens nothing while there is a kernel; and main()
 * closed what it found open. So whatever has no name here was a dead kernel's: it had
 * just made it, received it, or was reading it. */
static void sweep_fds(struct bh_kernel *k)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;

	while (d && (e = readdir(d))) {
		int fd = atoi(e->d_name);

		if (e->d_name[0] != '.' && fd != dirfd(d) && !is_known(k, fd))
			close(fd);
	}
	if (d)
		closedir(d);
}

/* Handles of blocking processes that were never used are made when they are (pool.c). */
static void make_children(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;
	uint32_t at = s->procs;

	bh_child_make(k, at++, s, UINT32_MAX);
	bh_child_make(k, at++, s, UINT32_MAX);
	for (uint32_t i = 0; i < s->workers; i++)
		bh_child_make(k, at++, s, i);
	for (uint32_t i = 0; i < s->board->blocking_mark; i++)
		bh_child_make(k, at++, s, BH_MAX_WORKERS + i);
}

static void lay_out(struct bh_kernel *k)
{
	uint32_t at = BH_PROCS_SERVICES;

	for (uint32_t i = 0; i < BH_PROCS_SERVICES; i++)
		bh_child_make(k, i, NULL, UINT32_MAX);
	for (uint32_t i = 0; i < k->plan->n_services; i++) {
		struct bh_ksvc *s = &k->svc[i];

		s->id = i;
		s->kernel = k;
		s->plan = &k->plan->services[i];
		s->board = &k->board->services[i];
		s->workers = bh_plan_slots(s->plan);
		s->procs = at;
		make_children(s);
		at += 2 + s->workers + BH_MAX_BLOCKING;
	}
}

void bh_kernel_attach(struct bh_kernel *k)
{
	uint32_t state = bh_ld_acq(&k->board->system_state);

	lay_out(k);
	k->attached = bh_child_at(k, BH_PROCS_KERNEL)->p->kind == BH_PROC_KERNEL;
	if (!k->attached)
		fill_board(k);
	take_entry(k);
	k->board->kernel_started_ns = k->now_ns;
	bh_for_each_service(s, k) {
		attach_service(s);
		if (k->stop != BH_STOP_NOT)
			return; /* it cannot start */
	}
	attach_server(bh_child_at(k, BH_PROCS_ADMIND), k->plan->admin);
	attach_server(bh_child_at(k, BH_PROCS_TRACED), k->plan->trace);
	if (k->attached) {
		sweep_fds(k);
		bh_record_attach(k);
		bh_log("kernel %u (pid %d) attached in %lld us", k->board->kernel_restarts + 1,
		       getpid(), (long long)((bh_clock_ns() - k->now_ns) / 1000));
	}
	if (state == BH_SYSTEM_STOPPING)
		bh_stop(k, false);
	else if (state == BH_SYSTEM_FAILED)
		bh_fail(k, "the system was ending with a failure when its kernel died");
}
