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

uint32_t bh_proc_after(const struct bh_kernel *k, uint32_t idx)
{
	uint32_t service = k->board->procs[idx++].service;
	const struct bh_ksvc *s = service < k->plan->n_services ? &k->svc[service] : NULL;

	if (!s || idx != s->procs + 2 + s->workers + s->board->blocking_mark)
		return idx;
	return service + 1 < k->plan->n_services ? s[1].procs : BH_BOARD_PROCS;
}

bool bh_proc_live(const struct bh_proc *p)
{
	uint32_t state = bh_ld_acq(&p->state);

	return p->pid > 0 && (state == BH_PROC_STARTING || state == BH_PROC_UP);
}

void bh_proc_pid(struct bh_kernel *k, uint32_t idx, int32_t pid, int pidfd)
{
	struct bh_proc *p = bh_proc_at(k, idx);

	p->pidfd = pidfd;
	bh_compiler_barrier();
	p->pid = pid;
	bh_watch(k, pidfd, BH_SRC_PIDFD, idx);
}

void bh_proc_watch(struct bh_kernel *k, uint32_t idx)
{
	struct bh_proc *p = bh_proc_at(k, idx);

	if (p->pidfd >= 0)
		bh_watch(k, p->pidfd, BH_SRC_PIDFD, idx);
	if (p->ctl >= 0)
		bh_watch(k, p->ctl, BH_SRC_CTL, idx);
}

void bh_proc_kill(struct bh_kernel *k, uint32_t idx)
{
	struct bh_proc *p = bh_proc_at(k, idx);

	k->proc[idx].killed = true;
	if (p->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, p->pidfd, SIGKILL, NULL, 0);
}

void bh_heir_drop(struct bh_kernel *k, uint32_t idx)
{
	struct bh_kheir *h = &k->proc[idx].heir;

	/* One that is not known yet is ended when it is. */
	if (h->pid) {
		syscall(SYS_pidfd_send_signal, h->pidfd, SIGKILL, NULL, 0);
		close(h->pidfd);
	}
	*h = (struct bh_kheir){ 0 };
}

void bh_proc_forget(struct bh_kernel *k, uint32_t idx)
{
	struct bh_proc *p = bh_proc_at(k, idx);
	int pidfd = p->pidfd, ctl = p->ctl;

	bh_heir_drop(k, idx);
	p->pid = 0;
	p->pidfd = p->ctl = -1;
	bh_drop_fd(k, pidfd);
	bh_drop_fd(k, ctl);
	k->proc[idx] = (struct bh_kproc){ 0 };
}

bool bh_proc_status(const struct bh_kernel *k, const struct bh_proc *p, int *status)
{
	const struct bh_board *b = k->board;
	uint64_t tail = bh_ld_acq(&b->deaths_tail);
	uint64_t oldest = tail > BH_BOARD_DEATHS ? tail - BH_BOARD_DEATHS : 0;

	/* The newest first: of two processes with one pid, the last. */
	for (uint64_t i = tail; i > oldest; i--) {
		const struct bh_death *d = &b->deaths[(i - 1) % BH_BOARD_DEATHS];

		if (d->pid == p->pid && d->time_ns >= p->started_ns) {
			*status = d->status;
			return true;
		}
	}
	return false;
}

bool bh_proc_status_due(const struct bh_kernel *k, uint32_t idx)
{
	return !k->orphaned && k->now_ns < k->proc[idx].seen_ns + STATUS_WAIT_MS * BH_NS_PER_MS;
}

bool bh_proc_dead(struct bh_kernel *k, uint32_t idx)
{
	struct bh_proc *p = bh_proc_at(k, idx);
	struct pollfd pfd = { .fd = p->pidfd, .events = POLLIN };

	if (p->pid <= 0)
		return false;
	return p->pidfd < 0 || (poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLIN));
}

bool bh_proc_taken(struct bh_kernel *k, int32_t pid)
{
	bool taken = pid == k->board->kernel_pid;

	for (uint32_t i = 0; i < BH_BOARD_PROCS && !taken; i = bh_proc_after(k, i))
		taken = bh_proc_at(k, i)->pid == pid || k->proc[i].heir.pid == pid;
	return taken;
}

int bh_proc_stray(struct bh_kernel *k, int32_t pid)
{
	int pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;

	if (pidfd < 0)
		return pid > 0 ? -errno : -EINVAL;
	int32_t is = bh_pidfd_pid(k, pidfd);

	if (is == pid && !bh_proc_taken(k, pid))
		return pidfd;
	close(pidfd);
	return is == -ESRCH ? is : -EEXIST;
}
