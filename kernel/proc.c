/* SPDX-License-Identifier: MIT */
/*
 * proc.c: the process table on the board: starting, watching, deaths.
 *
 * A death is noticed by the pidfd and certain once that is readable. How it
 * died is in the guardian's ring a little later: the guardian is the parent, and
 * it alone can ask.
 */
#include "kernel/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ipc/clone.h"
#include "ipc/control.h"
#include "ipc/refused.h"
#include "kernel/clock.h"
#include "kernel/procfs.h"
#include "kernel/watch.h"

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

/* -- starting -------------------------------------------------------------------- */

int bh_proc_socket(struct bh_kernel *k, uint32_t idx)
{
	struct bh_proc *p = bh_proc_at(k, idx);
	int pair[2], mark = BH_CTL_MARK;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair))
		return -errno;
	p->ctl = pair[0];
	/* The child's end blocks: waiting for the kernel is all it has to do. */
	if (fcntl(pair[1], F_SETFL, 0) ||
	    setsockopt(pair[1], SOL_SOCKET, SO_PRIORITY, &mark, sizeof(mark)) ||
	    bh_watch(k, p->ctl, BH_SRC_CTL, idx)) {
		int err = errno;
		close(pair[1]);
		return -err;
	}
	return pair[1];
}

static _Noreturn void child_main(struct bh_kernel *k, uint32_t idx, int ctl, bh_child_fn child)
{
	_exit(child(k, idx, ctl));
}

const char *bh_proc_hint(int err)
{
	if (bh_refused(-err))
		return ": clone3() and clone() are refused " BH_REFUSED_BY;
	return err == -EAGAIN ? " (see ulimit -u and the pids limit of the control group)" : "";
}

int bh_proc_start(struct bh_kernel *k, uint32_t idx, bh_child_fn child)
{
	struct bh_proc *p = bh_proc_at(k, idx);
	struct clone_args args = { .flags = CLONE_PARENT | CLONE_PIDFD | CLONE_PARENT_SETTID,
				   .pidfd = (uint64_t)(uintptr_t)&p->pidfd,
				   .parent_tid = (uint64_t)(uintptr_t)&p->pid,
				   .exit_signal = 0 };

	bh_drop_fd(k, p->ctl);
	p->pid = 0;
	p->pidfd = p->ctl = -1;
	p->started_ns = k->now_ns;
	k->proc[idx] = (struct bh_kproc){ 0 };
	bh_st_rel(&p->state, BH_PROC_STARTING);
	int ctl = bh_proc_socket(k, idx);
	if (ctl < 0)
		return ctl;
	pid_t pid = bh_clone(&args);
	int err = pid < 0 ? pid : 0;
	if (pid == 0)
		child_main(k, idx, ctl, child);
	close(ctl);
	if (!err)
		err = bh_watch(k, p->pidfd, BH_SRC_PIDFD, idx);
	/* Nobody would see it die, and the next one takes its entry: the guardian reaps. */
	if (err && p->pid > 0)
		bh_proc_kill(k, idx);
	if (err)
		bh_proc_forget(k, idx);
	return err;
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

/* -- ending -------------------------------------------------------------------------- */

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

/* -- deaths ----------------------------------------------------------------------------- */

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
