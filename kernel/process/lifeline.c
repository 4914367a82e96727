/* SPDX-License-Identifier: MIT */
/*
 * lifeline.c: what ends the system when both its guardian and its kernel are gone.
 *
 * A pipe whose writing end stands in the one table that guardian and kernel share. Each
 * service, and each server, has its reading end open in its own right, and is a session:
 * no signal to another one's process group reaches it, nor a terminal's. When the last
 * of the two is gone, however that came about, Linux finds the pipe without a writer and
 * sends the owner of each open reading end the signal it was told to: SIGKILL, to that
 * session's process group. Nobody has to be running for that: it reaches who is stopped,
 * who hangs in user code, and who is just being forked.
 *
 * Not PR_SET_PDEATHSIG: all are children of the guardian, so it would end them with
 * the guardian alone, in the middle of what the kernel could still let them finish.
 *
 * The pipe belongs to the guardian's user, mode 0600: a service that runs as
 * somebody else cannot open its writing end through /proc.
 */
#include "kernel/process/lifeline.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int bh_lifeline_make(int end[static 2])
{
	return pipe2(end, O_CLOEXEC | O_NONBLOCK) ? -errno : 0;
}

/* The copy of the writing end that a child has until it closes what is not its own keeps
 * the signal back until there is somebody to get it. */
int bh_lifeline_join(int lifeline)
{
	char path[32];

	if (setsid() < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", lifeline);
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fcntl(fd, F_SETSIG, SIGKILL) || fcntl(fd, F_SETOWN, -getpid()) ||
	    fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK))
		return -errno;
	return fd;
}
