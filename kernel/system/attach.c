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
#include "kernel/process/backoff.h"
#include "kernel/process/crash.h"
#include "kernel/process/fail.h"
#include "kernel/process/images.h"
#include "kernel/process/request.h"
#include "kernel/process/table.h"
#include "kernel/repair/nobody.h"
#include "kernel/service/epoll.h"
#include "kernel/service/events.h"
#include "kernel/service/reset.h"
#include "kernel/service/resize.h"
#include "kernel/service/service.h"
#include "kernel/service/timers.h"
#include "kernel/service/twin.h"
#include "kernel/service/worker.h"
#include "kernel/service/zygote.h"
#include "kernel/system/lifecycle.h"
#include "kernel/system/messages.h"
#include "kernel/system/servers.h"

static void blank(struct bh_proc *p, enum bh_proc_kind kind, uint32_t service, uint32_t slot)
{
	p->kind = kind;
	p->service = service;
	p->slot = slot;
	p->pidfd = p->ctl = -1;
}

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
	blank(bh_proc_at(k, BH_PROCS_ADMIND), BH_PROC_ADMIND, UINT32_MAX, 0);
	blank(bh_proc_at(k, BH_PROCS_TRACED), BH_PROC_TRACED, UINT32_MAX, 0);
	for (uint32_t i = 0; i < k->plan->n_services; i++) {
		struct bh_ksvc *s = &k->svc[i];

		fill_service(s);
		blank(bh_proc_at(k, s->procs), BH_PROC_ZYGOTE, i, 0);
		blank(bh_proc_at(k, s->procs + 1), BH_PROC_TWIN, i, 0);
		for (uint32_t w = 0; w < s->workers; w++)
			blank(bh_proc_at(k, bh_worker_proc(s, w)), BH_PROC_WORKER, i, w);
	}
	k->board->n_services = k->plan->n_services;
	blank(bh_proc_at(k, BH_PROCS_KERNEL), BH_PROC_NONE, UINT32_MAX, 0);
	bh_compiler_barrier();
	bh_proc_at(k, BH_PROCS_KERNEL)->kind = BH_PROC_KERNEL;
}

/* The kernel's own two descriptors stand in its entry, so that its successor can
 * close them. */
static void take_entry(struct bh_kernel *k)
{
	struct bh_proc *p = bh_proc_at(k, BH_PROCS_KERNEL);
	int old[] = { p->pidfd, p->ctl };

	p->pidfd = k->sigfd;
	p->ctl = k->epfd;
	p->pid = getpid();
	p->started_ns = k->now_ns;
	p->restarts = k->board->kernel_restarts;
	bh_st_rel(&p->state, BH_PROC_UP);
	for (int i = 0; i < 2; i++)
		if (old[i] >= 0 && old[i] != k->sigfd && old[i] != k->epfd)
			close(old[i]);
}

/* A kernel that was killed while a twin took over left two zygotes. */
static void settle_zygotes(struct bh_ksvc *s)
{
	struct bh_proc *a = bh_proc_at(s->kernel, s->procs), *b = a + 1;

	if (a->kind == b->kind)
		(bh_ld_acq(&a->state) == BH_PROC_UP ? b : a)->kind = BH_PROC_TWIN;
}

static void attach_workers(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;

	s->look_aborted = true;
	for (uint32_t i = 0; i < BH_SLOTS; i = bh_slot_next(s, i)) {
		uint32_t idx = bh_worker_proc(s, i);
		struct bh_proc *p = bh_proc_at(k, idx);

		bh_nobody_mend(s, i);
		uint32_t state = bh_ld_acq(&p->state);

		s->board->worker_pid[i] = p->pid; /* the entry comes first */
		if (state == BH_PROC_UP && i < BH_MAX_WORKERS)
			s->were_up |= 1ull << i;
		if (state == BH_PROC_STARTING && p->pid > 0) {
			bh_worker_go_on(s, i);
		} else if (state == BH_PROC_STARTING && !k->proc[idx].asked) {
			/* Asked for or not: nobody knows. */
			if (bh_worker_bump(s, i))
				bh_worker_ask(s, i);
		} else if (state == BH_PROC_DEAD && p->pid == 0) {
			bh_restart_later(k, idx, p->failures, s->plan->backoff_min_ms,
					 s->plan->backoff_max_ms);
		} else if (state == BH_PROC_DEAD) {
			bh_crash_count(s, i);
			k->proc[idx].gone = true;
			bh_wake_by(k, k->now_ns);
		} else if (state == BH_PROC_FREE && i < s->board->workers_wanted) {
			bh_worker_start(s, i);
		}
	}
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
	struct bh_kernel *k = s->kernel;
	char why[80];

	snprintf(why, sizeof(why), "a new kernel cannot take up its arena: %s", strerror(-err));
	if (bh_service_resetting(s))
		bh_service_reset_step(s, true);
	else
		bh_service_reset(s, why);
	/* Workers that no kernel knew yet are ended as they are told of. */
	bh_control_drain(k, bh_zygote_proc(s, BH_PROC_ZYGOTE));
}

static void attach_service(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;
	uint32_t z;

	if (s->board->state == BH_PROC_FREE) {
		/* For the first time, or it was about to start again. */
		if (bh_ld_acq(&k->board->system_state) < BH_SYSTEM_STOPPING)
			bh_service_start(s);
		return;
	}
	int err = bh_service_open(s);
	settle_zygotes(s);
	for (uint32_t i = s->procs; i < s->procs + 2 + s->workers + s->board->blocking_mark; i++)
		bh_proc_watch(k, i);
	if (err) {
		do_without(s, err);
		return;
	}
	bh_recover_kernel(&s->v);
	z = bh_zygote_proc(s, BH_PROC_ZYGOTE);
	bh_control_drain(k, z);
	if (bh_service_resetting(s)) {
		bh_service_reset_step(s, true);
		return;
	}
	if (bh_proc_at(k, z)->pid == 0) {
		bh_service_end(s); /* the kernel was killed while it made the zygote */
	} else if (bh_ld_acq(&bh_proc_at(k, z)->state) == BH_PROC_UP) {
		attach_workers(s);
		if (!bh_service_resetting(s))
			wake_everybody(s);
	}
}

static void attach_server(struct bh_kernel *k, uint32_t idx, bool wanted)
{
	struct bh_proc *p = bh_proc_at(k, idx);
	uint32_t state = bh_ld_acq(&p->state);

	if (!wanted || state == BH_PROC_BACKOFF)
		return;
	if (p->pid > 0) {
		bh_proc_watch(k, idx);
		k->proc[idx].owed = true;
	} else {
		bh_server_start(k, idx);
	}
}

/* -- what a dead kernel had just opened ------------------------------------------------ */

static bool is_known(struct bh_kernel *k, int fd)
{
	uint32_t page = bh_proc_at(k, BH_PROCS_TRACED)->slot;

	for (uint32_t i = 0; i < BH_BOARD_PROCS; i = bh_proc_after(k, i))
		if (bh_proc_at(k, i)->pidfd == fd || bh_proc_at(k, i)->ctl == fd)
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
	       fd == k->plan->lock_fd || fd == k->board_fd || fd == k->death_fd ||
	       fd == k->lifeline || fd == k->lifeline_end || fd == (int)page;
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

static void lay_out(struct bh_kernel *k)
{
	uint32_t at = BH_PROCS_SERVICES;

	for (uint32_t i = 0; i < k->plan->n_services; i++) {
		struct bh_ksvc *s = &k->svc[i];

		s->id = i;
		s->kernel = k;
		s->plan = &k->plan->services[i];
		s->board = &k->board->services[i];
		s->workers = bh_plan_slots(s->plan);
		s->procs = at;
		at += 2 + s->workers + BH_MAX_BLOCKING;
	}
}

void bh_kernel_attach(struct bh_kernel *k)
{
	uint32_t state = bh_ld_acq(&k->board->system_state);

	lay_out(k);
	k->attached = bh_proc_at(k, BH_PROCS_KERNEL)->kind == BH_PROC_KERNEL;
	if (!k->attached)
		fill_board(k);
	take_entry(k);
	k->board->kernel_started_ns = k->now_ns;
	for (uint32_t i = 0; i < k->plan->n_services; i++) {
		attach_service(&k->svc[i]);
		if (k->stop != BH_STOP_NOT)
			return; /* it cannot start */
	}
	attach_server(k, BH_PROCS_ADMIND, k->plan->admin);
	attach_server(k, BH_PROCS_TRACED, k->plan->trace);
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
