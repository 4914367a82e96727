/* SPDX-License-Identifier: MIT */
/*
 * oom.c: which SIGKILL was the out-of-memory killer's.
 *
 * A wait status does not tell who sent a SIGKILL. Linux counts the kills that it
 * made for want of memory, of a control group or of the machine, in one place: a
 * count that rose since the last look, and a child that died of a SIGKILL that
 * nobody here sent, belong together. A kill of somebody else's process within the
 * same two seconds can be taken for it: it takes several to have a consequence.
 */
#include "kernel/base/oom.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* 0: it cannot be read, or this Linux does not count. */
static int64_t count(void)
{
	static const char key[] = "\noom_kill ";
	char text[16384];
	int fd = open("/proc/vmstat", O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = 1;

	while (fd >= 0 && n > 0 && len < sizeof(text) - 1) {
		n = read(fd, text + len, sizeof(text) - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		close(fd);
	text[len] = '\0';
	const char *at = strstr(text, key);
	return at ? strtoll(at + sizeof(key) - 1, NULL, 10) : 0;
}

void bh_oom_look(struct bh_kernel *k)
{
	if (k->oom_kills[0] < k->oom_kills[1])
		k->oom_kills[0] = k->oom_kills[1];
	k->oom_kills[1] = count();
}

bool bh_oom_killed(struct bh_kernel *k)
{
	if (count() <= k->oom_kills[0])
		return false;
	k->oom_kills[0]++;
	return true;
}
