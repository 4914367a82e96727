/* SPDX-License-Identifier: MIT */
/* table.c: see table.h. */
#include "kernel/process/table.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/base/clock.h"
#include "kernel/base/procfs.h"
#include "kernel/base/watch.h"

enum {
	STATUS_WAIT_MS = 1000, /* for the guardian to say how somebody died: 0.1 ms, but on
				  a busy machine */
};

struct bh_child *bh_child_make(struct bh_kernel *k, uint32_t idx, struct bh_ksvc *s, uint32_t slot)
{
	struct bh_child *c = &k->child[idx];

	*c = (struct bh_child){
		.k = k, .s = s, .p = &k->board->procs[idx], .idx = idx, .slot = slot
	};
	return c;
}

void bh_child_blank(struct bh_child *c, enum bh_proc_kind kind)
{
	c->p->kind = kind;
	c->p->service = c->s ? c->s->id : UINT32_MAX;
	c->p->slot = c->slot < BH_SLOTS ? c->slot : 0;
	c->p->pidfd = c->p->ctl = -1;
}

struct bh_child *bh_child_after(struct bh_child *c)
{
	struct bh_kernel *k = c->k;
	const struct bh_child *end = c->s ? bh_slots_end(c->s) : bh_child_at(k, BH_PROCS_SERVICES);
	uint32_t next = c->s ? c->s->id + 1 : 0;

	if (++c < end)
		return c;
	return next < k->plan->n_services ? bh_child_at(k, k->svc[next].procs) : NULL;
}

bool bh_child_live(const struct bh_child *c)
{
	uint32_t state = bh_child_state(c);

	return c->p->pid > 0 && (state == BH_PROC_STARTING || state == BH_PROC_UP);
}

void bh_child_pid(struct bh_child *c, int32_t pid, int pidfd)
{
	c->p->pidfd = pidfd;
	bh_compiler_barrier();
	c->p->pid = pid;
	bh_watch(c->k, pidfd, BH_SRC_PIDFD, c->idx);
}

void bh_child_watch(struct bh_child *c)
{
	if (c->p->pidfd >= 0)
		bh_watch(c->k, c->p->pidfd, BH_SRC_PIDFD, c->idx);
	if (c->p->ctl >= 0)
		bh_watch(c->k, c->p->ctl, BH_SRC_CTL, c->idx);
}

void bh_child_kill(struct bh_child *c)
{
	c->life.killed = true;
	if (c->p->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, c->p->pidfd, SIGKILL, NULL, 0);
}

void bh_child_forget(struct bh_child *c)
{
	int pidfd = c->p->pidfd, ctl = c->p->ctl;

	c->p->pid = 0;
	c->p->pidfd = c->p->ctl = -1;
	bh_drop_fd(c->k, pidfd);
	bh_drop_fd(c->k, ctl);
	c->life = (struct bh_klife){ 0 };
}

bool bh_child_status(const struct bh_child *c, int *status)
{
	const struct bh_board *b = c->k->board;
	uint64_t tail = bh_ld_acq(&b->deaths_tail);
	uint64_t oldest = tail > BH_BOARD_DEATHS ? tail - BH_BOARD_DEATHS : 0;

	/* The newest first: of two processes with one pid, the last. */
	for (uint64_t i = tail; i > oldest; i--) {
		const struct bh_death *d = &b->deaths[(i - 1) % BH_BOARD_DEATHS];

		if (d->pid == c->p->pid && d->time_ns >= c->p->started_ns) {
			*status = d->status;
			return true;
		}
	}
	return false;
}

bool bh_child_status_due(const struct bh_child *c)
{
	return !c->k->orphaned && c->k->now_ns < c->life.seen_ns + STATUS_WAIT_MS * BH_NS_PER_MS;
}

bool bh_child_dead(const struct bh_child *c)
{
	struct pollfd pfd = { .fd = c->p->pidfd, .events = POLLIN };

	if (c->p->pid <= 0)
		return false;
	return c->p->pidfd < 0 || (poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLIN));
}

bool bh_pid_taken(struct bh_kernel *k, int32_t pid)
{
	if (pid == k->board->kernel_pid)
		return true;
	bh_for_each_child(c, k, BH_PROCS_KERNEL)
		if (c->p->pid == pid ||
		    (c->s && bh_child_is_worker(c) && c->s->heir[c->slot].pid == pid))
			return true;
	return false;
}

int bh_pid_stray(struct bh_kernel *k, int32_t pid)
{
	int pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;

	if (pidfd < 0)
		return pid > 0 ? -errno : -EINVAL;
	int32_t is = bh_pidfd_pid(k, pidfd);

	if (is == pid && !bh_pid_taken(k, pid))
		return pidfd;
	close(pidfd);
	return is == -ESRCH ? is : -EEXIST;
}
