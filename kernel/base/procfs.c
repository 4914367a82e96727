/* SPDX-License-Identifier: MIT */
/* procfs.c: see procfs.h. */
#include "kernel/base/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The number behind @name in the file at @path, or -errno; -ENODATA: it has no such line. */
static int read_number(const char *path, const char *name, int32_t *value)
{
	FILE *f = fopen(path, "re");
	size_t n = strlen(name);
	char line[256];
	int err = -ENODATA;

	if (!f)
		return -errno;
	while (err && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, n) && sscanf(line + n, "%d", value) == 1)
			err = 0;
	fclose(f);
	return err;
}

int32_t bh_pidfd_pid(const struct bh_kernel *k, int pidfd)
{
	char info[64], status[64];
	int32_t pid = 0, parent = 0, again = 0;
	int err;

	snprintf(info, sizeof(info), "/proc/self/fdinfo/%d", pidfd);
	err = read_number(info, "Pid:", &pid);
	if (err)
		return err == -ENODATA ? -EBADF : err;
	/* 0: of another pid namespace */
	if (pid <= 0)
		return pid < 0 ? -ESRCH : -EBADF;
	snprintf(status, sizeof(status), "/proc/%d/status", pid);
	err = read_number(status, "PPid:", &parent);
	/* Reaped while it was looked at: there is no such file or no line in it, or that says
	 * for a moment that there is no parent. */
	if (err)
		return err == -ENOENT || err == -ENODATA ? -ESRCH : err;
	if (parent <= 0 && !read_number(info, "Pid:", &again) && again < 0)
		return -ESRCH;
	return parent == k->board->guardian_pid || k->orphaned ? pid : -ECHILD;
}

char bh_procfs_state(int32_t pid)
{
	char path[32], text[128], *end;
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	/* The name before it is the worker's to choose. */
	end = strrchr(text, ')');
	return end && end[1] == ' ' ? end[2] : 0;
}
