/* SPDX-License-Identifier: MIT */
/* exec.c: what a child does between its clone and its exec. It has a copy of the
 * kernel's memory and of its descriptors, and leaves neither to what it becomes. */
#include "kernel/process/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ipc/base/close_from.h"
#include "ipc/base/out.h"
#include "ipc/base/refused.h"

enum {
	FD_LIMIT = 64,  /* of those a child is given */
	OOM_MORE = 100, /* a service counts as if it had a tenth of the memory more */
	OOM_MOST = 1000,
};

/* All sources are first moved above all targets, so that no target overwrites a
 * source that is still needed. */
int bh_exec_fds(const int *fds, int n, bool lend)
{
	int moved[FD_LIMIT], at = n < FD_LIMIT ? n : FD_LIMIT;
	sigset_t later;

	bh_out_child(lend);
	for (int i = 0; i < at; i++) {
		moved[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD, 3 + FD_LIMIT);
		if (fds[i] >= 0 && moved[i] < 0)
			return -errno;
	}
	for (int i = 0; i < at; i++)
		if (moved[i] < 0)
			close(3 + i);
		else if (dup2(moved[i], 3 + i) < 0)
			return -errno;
	int err = bh_close_from(3 + at);
	if (err)
		return err;
	signal(SIGPIPE, SIG_DFL);
	/* What a service manager sends to all processes at once is the kernel's to carry
	 * out: it waits until there is a handler (workers/crash/signals.c), for good in the
	 * servers. */
	sigemptyset(&later);
	sigaddset(&later, SIGTERM);
	sigaddset(&later, SIGINT);
	sigaddset(&later, SIGHUP);
	sigprocmask(SIG_SETMASK, &later, NULL);
	return 0;
}

static void limit_to(__rlimit_resource_t resource, uint64_t soft)
{
	struct rlimit lim;

	if (getrlimit(resource, &lim))
		return;
	lim.rlim_cur = soft && soft < lim.rlim_max ? soft : lim.rlim_max;
	setrlimit(resource, &lim);
}

void bh_exec_limit(const struct bh_plan_limits *l)
{
	limit_to(RLIMIT_NOFILE, l->files ? l->files + BH_ZYGOTE_FDS : 0);
	limit_to(RLIMIT_FSIZE, l->file_bytes);
	limit_to(RLIMIT_AS, l->space);
	limit_to(RLIMIT_DATA, l->data);
	signal(SIGXFSZ, SIG_DFL); /* ignored in the kernel (out.c) */
}

void bh_exec_expendable(void)
{
	int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	char text[16] = "";

	if (fd < 0)
		return;
	if (read(fd, text, sizeof(text) - 1) > 0) {
		int adj = atoi(text) + OOM_MORE;

		snprintf(text, sizeof(text), "%d", adj < OOM_MOST ? adj : OOM_MOST);
		if (pwrite(fd, text, strlen(text), 0) < 0)
			text[0] = '\0'; /* a filter refuses it: all are alike */
	}
	close(fd);
}

int bh_exec_become(uint32_t uid, uint32_t gid, uint32_t n_groups, const uint32_t *groups)
{
	_Static_assert(sizeof(gid_t) == sizeof(*groups), "as Linux has them");

	if (gid != UINT32_MAX && (setgroups(n_groups, groups) || setgid(gid)))
		return -errno;
	if (uid != UINT32_MAX && setuid(uid))
		return -errno;
	return 0;
}

static void set_or_unset(const char *name, const char *value)
{
	if (value[0])
		setenv(name, value, 1);
	else
		unsetenv(name);
}

int bh_exec_user(const struct bh_plan_user *u)
{
	int err = bh_exec_become(u->uid, u->gid, u->n_groups, u->groups);

	if (err || !u->home[0])
		return err;
	set_or_unset("USER", u->name);
	set_or_unset("LOGNAME", u->name);
	set_or_unset("SHELL", u->shell);
	set_or_unset("HOME", u->home);
	return 0;
}

int bh_exec_image(int fd, char *const *argv)
{
	char path[32];

	if (fcntl(fd, F_SETFD, FD_CLOEXEC))
		return -errno;
	fexecve(fd, argv, environ);
	if (bh_refused(errno)) { /* execveat() may be */
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		execv(path, argv);
	}
	return -errno;
}
