/* SPDX-License-Identifier: MIT */
/* close_from.c: see close_from.h. */
#include "ipc/base/close_from.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int bh_close_from(int first)
{
	struct dirent *e;
	DIR *d;

	if (!syscall(SYS_close_range, (unsigned)first, ~0u, 0))
		return 0;
	d = opendir("/proc/self/fd");
	if (!d)
		return -errno;
	/* /proc goes by number: what is closed behind the reader moves nothing. */
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && atoi(e->d_name) >= first && atoi(e->d_name) != dirfd(d))
			close(atoi(e->d_name));
	closedir(d);
	return 0;
}
