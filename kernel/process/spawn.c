/* SPDX-License-Identifier: MIT */
/* spawn.c: see spawn.h. */
#include "kernel/process/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc/base/clone.h"
#include "ipc/base/refused.h"
#include "ipc/system/control.h"
#include "kernel/base/watch.h"
#include "kernel/process/table.h"

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
