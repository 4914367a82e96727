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

int bh_child_socket(struct bh_child *c)
{
	int pair[2], mark = BH_CTL_MARK;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair))
		return -errno;
	c->p->ctl = pair[0];
	/* The child's end blocks: waiting for the kernel is all it has to do. */
	if (fcntl(pair[1], F_SETFL, 0) ||
	    setsockopt(pair[1], SOL_SOCKET, SO_PRIORITY, &mark, sizeof(mark)) ||
	    bh_watch(c->k, c->p->ctl, BH_SRC_CTL, c->idx)) {
		int err = errno;
		close(pair[1]);
		return -err;
	}
	return pair[1];
}

static _Noreturn void child_main(struct bh_child *c, int ctl, bh_child_fn child)
{
	_exit(child(c, ctl));
}

const char *bh_proc_hint(int err)
{
	if (bh_refused(-err))
		return ": clone3() and clone() are refused " BH_REFUSED_BY;
	return err == -EAGAIN ? " (see ulimit -u and the pids limit of the control group)" : "";
}

int bh_child_start(struct bh_child *c, bh_child_fn child)
{
	struct bh_proc *p = c->p;
	struct clone_args args = { .flags = CLONE_PARENT | CLONE_PIDFD | CLONE_PARENT_SETTID,
				   .pidfd = (uint64_t)(uintptr_t)&p->pidfd,
				   .parent_tid = (uint64_t)(uintptr_t)&p->pid,
				   .exit_signal = 0 };

	bh_drop_fd(c->k, p->ctl);
	p->pid = 0;
	p->pidfd = p->ctl = -1;
	p->started_ns = c->k->now_ns;
	c->life = (struct bh_klife){ 0 };
	bh_st_rel(&p->state, BH_PROC_STARTING);
	int ctl = bh_child_socket(c);
	if (ctl < 0)
		return ctl;
	pid_t pid = bh_clone(&args);
	int err = pid < 0 ? pid : 0;
	if (pid == 0)
		child_main(c, ctl, child);
	close(ctl);
	if (!err)
		err = bh_watch(c->k, p->pidfd, BH_SRC_PIDFD, c->idx);
	/* Nobody would see it die, and the next one takes its entry: the guardian reaps. */
	if (err && p->pid > 0)
		bh_child_kill(c);
	if (err)
		bh_child_forget(c);
	return err;
}
