/* SPDX-License-Identifier: MIT */
/*
 * calls.c: see calls.h.
 *
 * Each call is made by a child, with arguments that are wrong or that change nothing but
 * the child: a call that a filter refuses is refused with any arguments. The child records
 * its current call first, for a filter may kill the process that makes a forbidden call.
 */
#include "tools/bulkhead/calls.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc/base/clone.h"
#include "ipc/base/refused.h"

#define NEEDED(name) #name, SYS_##name, false
#define OTHER(name)  #name, SYS_##name, true

/* 0: not given. Where a call has two forms, each machine's C library makes one of
 * them. */
static const struct call {
	const char *name;
	long number;
	bool other_way; /* can be done without */
	long args[4];
} calls[] = {
	{ NEEDED(accept4), { -1 } },
	{ NEEDED(bind), { -1 } },
	{ NEEDED(connect), { -1 } },
	{ NEEDED(dup3), { -1, -1 } },
	{ NEEDED(epoll_create1), { -1 } },
	{ NEEDED(epoll_ctl), { -1 } },
	{ NEEDED(eventfd2), { 0, -1 } },
	{ NEEDED(fchmod), { -1 } },
	{ NEEDED(fcntl), { -1 } },
	{ NEEDED(flock), { -1 } },
	{ NEEDED(ftruncate), { -1 } },
	{ NEEDED(futex), { 1, 1 } },
	{ NEEDED(getdents64), { -1 } },
	{ NEEDED(getpid), { 0 } },
	{ NEEDED(getppid), { 0 } },
	{ NEEDED(getsockname), { -1 } },
	{ NEEDED(getsockopt), { -1 } },
	{ NEEDED(kill), { 1, -1 } },
	{ NEEDED(listen), { -1 } },
	{ NEEDED(lseek), { -1 } },
	{ NEEDED(memfd_create), { 0, -1 } },
	{ NEEDED(munmap), { -1 } },
	{ NEEDED(pidfd_open), { -1 } },
	{ NEEDED(pidfd_send_signal), { -1 } },
	{ NEEDED(pipe2), { 0, -1 } },
	{ NEEDED(ppoll), { 0, 0, 0, -1 } },
	{ NEEDED(prctl), { PR_SET_PDEATHSIG } },
	{ NEEDED(pwrite64), { -1 } },
	{ NEEDED(recvfrom), { -1 } },
	{ NEEDED(recvmsg), { -1 } },
	{ NEEDED(rt_sigaction), { -1 } },
	{ NEEDED(rt_sigprocmask), { -1 } },
	{ NEEDED(rt_sigtimedwait), { 0, 0, 0, -1 } },
	{ NEEDED(sendmsg), { -1 } },
	{ NEEDED(sendto), { -1 } },
	{ NEEDED(setsid), { 0 } },
	{ NEEDED(setsockopt), { -1 } },
	{ NEEDED(shutdown), { -1 } },
	{ NEEDED(sigaltstack), { 0 } },
	{ NEEDED(signalfd4), { -1 } },
	{ NEEDED(socket), { -1 } },
	{ NEEDED(socketpair), { -1 } },
	{ NEEDED(waitid), { -1 } },
#ifdef SYS_dup2
	{ NEEDED(access), { 0 } },
	{ NEEDED(dup2), { -1, -1 } },
	{ NEEDED(epoll_wait), { -1 } },
	{ NEEDED(mkdir), { 0 } },
	{ NEEDED(poll), { 0 } },
	{ NEEDED(readlink), { 0, 0, -1 } },
	{ NEEDED(rmdir), { 0 } },
	{ NEEDED(unlink), { 0 } },
#else
	{ NEEDED(epoll_pwait), { -1 } },
	{ NEEDED(faccessat), { -1 } },
	{ NEEDED(mkdirat), { -1 } },
	{ NEEDED(readlinkat), { -1, 0, 0, -1 } },
	{ NEEDED(unlinkat), { -1 } },
#endif
	{ OTHER(clone3), { 0 } },
	{ OTHER(close_range), { 1 } },
	{ OTHER(execveat), { -1 } },
	{ OTHER(epoll_pwait2), { -1 } },
	{ OTHER(madvise), { 1 } },
};

enum {
	CALLS = sizeof(calls) / sizeof(*calls),
};

/* Shared with the child. */
struct trial {
	int at;  /* the call that it makes */
	int err; /* of that call, which is refused; 0: none was */
};

static void try_all(struct trial *t)
{
	for (t->at = 0; t->at < CALLS; t->at++) {
		const struct call *c = &calls[t->at];
		const long *a = c->args;

		if (syscall(c->number, a[0], a[1], a[2], a[3], 0, 0) < 0 && !c->other_way &&
		    bh_refused(errno)) {
			t->err = errno;
			return;
		}
	}
}

static int refused(char why[BH_CALLS_WHY], const char *name, int err, const char *how)
{
	snprintf(why, BH_CALLS_WHY, "%s() is refused here (%s), " BH_REFUSED_BY "%s", name, how,
		 err == ENOSYS ? " or by a Linux before 5.10" : "");
	return -err;
}

static int judge(char why[BH_CALLS_WHY], const struct trial *t, const siginfo_t *si)
{
	if (t->err)
		return refused(why, calls[t->at].name, t->err, strerror(t->err));
	if (t->at < CALLS && si->si_code != CLD_EXITED && si->si_status == SIGSYS)
		return refused(why, calls[t->at].name, EPERM, "who makes it is killed: SIGSYS");
	return 0;
}

int bh_calls_try(char why[BH_CALLS_WHY])
{
	struct clone_args fork_like = { .exit_signal = SIGCHLD };
	const struct rlimit no_core = { 0 };
	struct trial *t =
		mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	siginfo_t si = { 0 };
	pid_t pid;
	int err;

	if (t == MAP_FAILED)
		return refused(why, "mmap", errno, strerror(errno));
	/* fork() is clone(), which C libraries need: no filter kills its caller. */
	pid = fork();
	if (pid < 0)
		pid = bh_refused(errno) ? bh_clone(&fork_like) : -errno;
	if (!pid) {
		setrlimit(RLIMIT_CORE, &no_core);
		try_all(t);
		_exit(0);
	}
	if (pid < 0 && bh_refused(-pid))
		err = refused(why, "clone3() and clone", -pid, strerror(-pid));
	else if (pid < 0) /* for want of processes: the guardian says so */
		err = 0;
	else if (waitid(P_PID, (id_t)pid, &si, WEXITED))
		err = refused(why, "waitid", errno, strerror(errno));
	else
		err = judge(why, t, &si);
	munmap(t, sizeof(*t));
	return err;
}
