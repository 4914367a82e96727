/* SPDX-License-Identifier: MIT */
/*
 * popen.c: popen() and pclose(). The C library's own makes its pipe unseen and notes
 * nothing before the program runs: killed in it, a worker would leave both ends open for as
 * long as its service lives. Here they are noted like any other pipe's (opens.c), first.
 *
 * One thing is otherwise than elsewhere: a stream is never inherited, whether its mode has
 * an "e" or not. A later command must not have the stream of an earlier one, or that never
 * comes to its end; and here the one may be another worker's, with the same descriptors.
 *
 * Who waits for whom stands in a list of this process. Its elements stay, and are taken and
 * given back with one store each: no lock, that a fork could find locked.
 */
#undef _FORTIFY_SOURCE
#include "workers/libc/popen.h"

#include <errno.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "ipc/base/order.h"
#include "workers/libc/next.h"

struct command {
	struct command *next;
	_Atomic(FILE *) stream; /* NULL: this element is free */
	pid_t pid;              /* the stream's owner alone reads and writes it */
};

static _Atomic(struct command *) commands;

static struct command *find(FILE *stream)
{
	struct command *c = bh_ld_acq(&commands);

	while (c && bh_ld_acq(&c->stream) != stream)
		c = c->next;
	return c;
}

static struct command *element_for(FILE *stream)
{
	struct command *c;

	while ((c = find(NULL))) {
		FILE *none = NULL;

		if (bh_cas(&c->stream, &none, stream))
			return c;
	}
	if (!(c = calloc(1, sizeof(*c))))
		return NULL;
	bh_st_rlx(&c->stream, stream);
	c->next = bh_ld_acq(&commands);
	while (!bh_cas(&commands, &c->next, c))
		;
	return c;
}

pid_t bh_popen_take(FILE *stream)
{
	struct command *c = stream ? find(stream) : NULL;
	pid_t pid = c ? c->pid : 0;

	if (c)
		bh_st_rel(&c->stream, NULL);
	return pid;
}

int bh_popen_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

/* Descriptor @end of the pipe is the shell's @to. 0, or an error. */
static int run(const char *command, int end, int to, pid_t *pid)
{
	char sh[] = "sh", c[] = "-c", dashes[] = "--";
	char *argv[] = { sh, c, dashes, (char *)(uintptr_t)command, NULL };
	posix_spawn_file_actions_t actions;
	int err = posix_spawn_file_actions_init(&actions);

	if (err)
		return err;
	err = posix_spawn_file_actions_adddup2(&actions, end, to);
	if (!err)
		err = posix_spawn(pid, "/bin/sh", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return err;
}

/* 'r' or 'w'; 0: @mode says neither, or something else, too. */
static char direction(const char *mode)
{
	char way = 0;

	for (; *mode; mode++) {
		if ((*mode == 'r' || *mode == 'w') && (!way || way == *mode))
			way = *mode;
		else if (*mode != 'e')
			return 0;
	}
	return way;
}

/* The stream of @command at @mine, with @its as the other end of the pipe; NULL and errno. */
static FILE *stream_of(const char *command, int mine, int its, bool reads)
{
	FILE *f = fdopen(mine, reads ? "r" : "w");
	struct command *c;
	int err;

	if (!f) {
		err = errno;
		close(mine);
	} else if (!(c = element_for(f))) {
		err = ENOMEM;
		fclose(f);
	} else if ((err = run(command, its, reads ? STDOUT_FILENO : STDIN_FILENO, &c->pid))) {
		bh_st_rel(&c->stream, NULL);
		fclose(f);
	} else {
		return f;
	}
	errno = err;
	return NULL;
}

BH_EXPORT FILE *popen(const char *command, const char *mode)
{
	char way = direction(mode);
	int end[2], err;

	if (!way) {
		errno = EINVAL;
		return NULL;
	}
	if (pipe2(end, O_CLOEXEC))
		return NULL;
	FILE *f = stream_of(command, end[way == 'w'], end[way == 'r'], way == 'r');
	err = errno;
	close(end[way == 'r']);
	errno = err;
	return f;
}

BH_EXPORT int pclose(FILE *f)
{
	/* The C library may have declared that nobody calls this with NULL, which compilers
	 * then believe: elements that are free have it. */
	__asm__("" : "+r"(f));
	if (f && find(f))
		return fclose(f);
	errno = EINVAL;
	return -1;
}
