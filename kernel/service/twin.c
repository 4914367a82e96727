/* SPDX-License-Identifier: MIT */
/* twin.c: see twin.h. */
#include "kernel/service/twin.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/procfs.h"
#include "kernel/base/text.h"
#include "kernel/process/backoff.h"
#include "kernel/process/spawn.h"
#include "kernel/process/table.h"
#include "kernel/process/wire.h"

enum {
	TWIN_BACKOFF_MIN_MS = 10,
	TWIN_BACKOFF_MAX_MS = 5000,
	TWIN_HEALTHY_MS = 50, /* one that lived so long started well */
};

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

void bh_twin_adopt(struct bh_ksvc *s)
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

	bh_twin_adopt(s);
	if (p->pid != 0 && bh_ld_acq(&p->state) == BH_PROC_STARTING)
		bh_st_rel(&p->state, BH_PROC_UP); /* known, and not yet said to be */
	if (p->pid != 0 || bh_ld_acq(&p->state) == BH_PROC_BACKOFF)
		return;
	if (bh_ld_acq(&p->state) != BH_PROC_STARTING)
		bh_twin_start(s);
	else if (bh_ctl_send(z->ctl, &m, -1) == -EAGAIN)
		bh_restart_later(k, idx, p->failures + 1, TWIN_BACKOFF_MIN_MS, TWIN_BACKOFF_MAX_MS);
}

void bh_twin_died(struct bh_ksvc *s, uint32_t idx, int status)
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
