/* SPDX-License-Identifier: MIT */
/* twin.c: see twin.h. */
#include "kernel/worker/twin.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/procfs.h"
#include "kernel/base/text.h"
#include "kernel/failure/backoff.h"
#include "kernel/process/services.h"
#include "kernel/process/spawn.h"
#include "kernel/process/table.h"
#include "kernel/process/wire.h"

enum {
	TWIN_BACKOFF_MIN_MS = 10,
	TWIN_BACKOFF_MAX_MS = 5000,
	TWIN_HEALTHY_MS = 50, /* one that lived so long started well */
};

static void try_later(struct bh_child *c, uint32_t failures)
{
	bh_restart_later(c, failures, TWIN_BACKOFF_MIN_MS, TWIN_BACKOFF_MAX_MS);
}

void bh_twin_start(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;
	const struct bh_child *z = bh_zygote_child(s, BH_PROC_ZYGOTE);
	struct bh_child *c = bh_zygote_child(s, BH_PROC_TWIN);
	struct bh_proc *p = c->p;
	struct bh_ctl m = { .op = BH_CTL_FORK_TWIN };
	int ctl, err;

	if (bh_child_state(z) != BH_PROC_UP || bh_child_live(c) || k->stop != BH_STOP_NOT ||
	    bh_service_resetting(s))
		return;
	bh_child_forget(c);
	p->started_ns = k->now_ns;
	/* Of both entries: they change places, and no two twins share an epoch. */
	m.fork_twin.epoch = p->epoch = 1 + (p->epoch > z->p->epoch ? p->epoch : z->p->epoch);
	bh_st_rel(&p->state, BH_PROC_STARTING);
	ctl = bh_child_socket(c);
	err = ctl < 0 ? ctl : bh_ctl_send(z->p->ctl, &m, ctl);
	if (ctl >= 0)
		close(ctl);
	if (err)
		try_later(c, p->failures + 1);
}

void bh_twin_made(struct bh_ksvc *s, const struct bh_ctl *m, int *pidfd)
{
	struct bh_kernel *k = s->kernel;
	struct bh_child *c = bh_zygote_child(s, BH_PROC_TWIN);
	struct bh_proc *p = c->p;
	int32_t pid = m->twin.pid;
	bool mine =
		bh_child_state(c) == BH_PROC_STARTING && p->pid == 0 && m->twin.epoch == p->epoch;

	/* A pid that was reaped already, or of another entry, is not the twin's. */
	if (mine && pid > 0 && (bh_pidfd_pid(k, *pidfd) != pid || bh_pid_taken(k, pid)))
		pid = -ENOENT;
	if (mine && pid < 0) {
		/* The first, the second, the fourth time in a row, and so on. */
		if (pid != -ENOENT && !(p->failures & (p->failures + 1)))
			bh_log("service %s: its zygote cannot make a twin: %s%s; trying again",
			       s->plan->name, strerror(-pid), bh_proc_hint(pid));
		try_later(c, p->failures + 1);
	}
	/* A twin of an earlier request lost its socket, and ends by itself. */
	if (!mine || pid <= 0)
		return;
	bh_child_pid(c, pid, *pidfd);
	*pidfd = -1;
	bh_st_rel(&p->state, BH_PROC_UP);
}

void bh_twin_adopt(struct bh_ksvc *s)
{
	struct bh_clones *clones = &s->v.a->clones;
	struct bh_child *c = bh_zygote_child(s, BH_PROC_TWIN);

	if (bh_child_state(c) != BH_PROC_STARTING || c->p->pid != 0 || c->p->ctl < 0 ||
	    bh_ld_acq(&clones->twin_epoch) != c->p->epoch)
		return;
	int32_t pid = bh_ld_acq(&clones->twin_pid);
	int pidfd = bh_pid_stray(s->kernel, pid);

	if (pidfd < 0)
		return;
	bh_child_pid(c, pid, pidfd);
	bh_st_rel(&c->p->state, BH_PROC_UP);
}

/* A twin that a dead kernel asked for, or was about to: asking for another would
 * abandon one that is made at this moment, and the zygote may be killed after it. */
void bh_twin_ask(struct bh_ksvc *s)
{
	struct bh_child *c = bh_zygote_child(s, BH_PROC_TWIN);
	struct bh_ctl m = { .op = BH_CTL_FORK_TWIN, .fork_twin = { c->p->epoch } };

	bh_twin_adopt(s);
	if (c->p->pid != 0 && bh_child_state(c) == BH_PROC_STARTING)
		bh_st_rel(&c->p->state, BH_PROC_UP); /* known, and not yet said to be */
	if (c->p->pid != 0 || bh_child_state(c) == BH_PROC_BACKOFF)
		return;
	if (bh_child_state(c) != BH_PROC_STARTING)
		bh_twin_start(s);
	else if (bh_ctl_send(bh_zygote_child(s, BH_PROC_ZYGOTE)->p->ctl, &m, -1) == -EAGAIN)
		try_later(c, c->p->failures + 1);
}

void bh_twin_died(struct bh_child *c, int status)
{
	bool healthy = c->k->now_ns - c->p->started_ns > TWIN_HEALTHY_MS * BH_NS_PER_MS;
	char text[40];

	if (!c->life.killed)
		bh_log("service %s: the zygote's twin (pid %d) %s; there will be another",
		       c->s->plan->name, c->p->pid, bh_death_text(status, text));
	bh_child_forget(c);
	try_later(c, healthy ? 0 : c->p->failures + 1);
}
