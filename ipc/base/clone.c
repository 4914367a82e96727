/* SPDX-License-Identifier: MIT */
/* clone.c: see clone.h. */
#include "ipc/base/clone.h"

#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ipc/base/refused.h"

static pid_t *at(uint64_t address)
{
	return (pid_t *)(uintptr_t)address;
}

/* The order of the last two arguments is the machine's. */
static pid_t clone_raw(uint64_t flags, pid_t *parent, pid_t *child)
{
#ifdef __aarch64__
	return (pid_t)syscall(SYS_clone, flags, NULL, parent, NULL, child);
#else
	return (pid_t)syscall(SYS_clone, flags, NULL, parent, child, NULL);
#endif
}

static pid_t by_clone(const struct clone_args *a)
{
	const uint64_t tid_flags = CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
	uint64_t flags = a->flags | a->exit_signal;
	bool both = (flags & CLONE_PIDFD) && (flags & CLONE_PARENT_SETTID);
	pid_t *pid_word = at(a->parent_tid), *tid_word = at(a->child_tid);
	pid_t pid;

	if (!both)
		return clone_raw(flags, flags & CLONE_PIDFD ? at(a->pidfd) : pid_word, tid_word);
	flags = (flags & ~(CLONE_PARENT_SETTID | tid_flags)) | CLONE_CHILD_SETTID;
	pid = clone_raw(flags, at(a->pidfd), pid_word);
	if (pid > 0)
		*pid_word = pid;
	else if (!pid && (a->flags & tid_flags))
		*tid_word = (pid_t)syscall(SYS_set_tid_address, tid_word);
	return pid;
}

pid_t bh_clone(const struct clone_args *args)
{
	pid_t pid = (pid_t)syscall(SYS_clone3, args, sizeof(*args));

	if (pid < 0 && bh_refused(errno))
		pid = by_clone(args);
	return pid < 0 ? -errno : pid;
}
