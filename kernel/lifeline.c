/* SPDX-License-Identifier: MIT */
/*
 * lifeline.c: what ends the system when both its guardian and its kernel are gone.
 *
 * A pipe whose writing end stands in the one table that guardian and kernel share,
 * and whose reading end all other processes hold. When the last of the two is
 * gone, however that came about, Linux finds the pipe without a writer and sends
 * the reading end's owner the signal it was told to: SIGKILL, to the process
 * group that all but the guardian live in. Nobody has to be running for that: it
 * reaches who is stopped, who hangs in user code, and who is just being forked.
 *
 * Not PR_SET_PDEATHSIG: all are children of the guardian, so it would end them with
 * the guardian alone, in the middle of what the kernel could still let them finish.
 *
 * The pipe belongs to the guardian's user, mode 0600: a service that runs as
 * somebody else cannot open its writing end through /proc.
 */
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

int bh_lifeline_make(int end[static 2])
{
	if (pipe2(end, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	if (fcntl(end[0], F_SETSIG, SIGKILL) || fcntl(end[0], F_SETFL, O_ASYNC | O_NONBLOCK))
		return -errno;
	return 0;
}

/* The group is that of the first kernel, as long as anybody is in it: Linux keeps
 * the group, not its number, as the pipe's owner, and tells none when it is empty. */
int bh_lifeline_join(int lifeline)
{
	pid_t group = -fcntl(lifeline, F_GETOWN);

	if (group > 1 && !setpgid(0, group))
		return 0;
	if (setpgid(0, 0) || fcntl(lifeline, F_SETOWN, -getpid()))
		return -errno;
	return 0;
}
