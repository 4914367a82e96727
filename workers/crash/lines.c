/* SPDX-License-Identifier: MIT */
/*
 * lines.c: stderr of a process that runs user code, as a stream of stdio's whose end is
 * here: the process itself knows which task prints, nobody has to read for it, and it
 * waits for the log's reader where it waited before, in write().
 *
 * The stream is unbuffered, so that what stdio was given is here; here it is gathered to
 * lines. A line that has no end when its task waits, or the process dies, is written then.
 * Only what bypasses stdio comes as it is: write(), dprintf(), other programs, and a child
 * that was forked.
 */
#include "workers/crash/lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "workers/base/rt.h"

enum {
	LINE = 4096, /* PIPE_BUF: whole on a pipe, whoever else writes there */
};

/* Under the stream's lock; when the process dies, that of whoever killed it. */
static struct {
	char text[LINE];
	size_t used;
	uint64_t task; /* who began it; 0: none */
} line;

static _Thread_local bool runs_tasks;

/* -- a line ------------------------------------------------------------------------- */

static bool write_all(const char *text, size_t n)
{
	while (n) {
		ssize_t w = write(STDERR_FILENO, text, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return false;
		text += w;
		n -= (size_t)w;
	}
	return true;
}

static size_t prefix(char *out, uint64_t task)
{
	struct timespec ts;
	struct tm tm;
	int n;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	n = (int)strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	n += snprintf(out + n, 64, ".%03ldZ %.31s", ts.tv_nsec / 1000000, bh_rt.plan_service->name);
	if (task)
		n += snprintf(out + n, 80, "[%.39s %#llx]",
			      bh_rt.v.types[bh_rt.task->type % BH_TYPES].name,
			      (unsigned long long)task);
	memcpy(out + n, ": ", 3);
	return (size_t)n + 2;
}

size_t bh_lines_prefix(char out[static BH_LINES_PREFIX])
{
	return prefix(out, runs_tasks ? bh_rt.handle : 0);
}

static void begin(uint64_t task)
{
	line.used = prefix(line.text, task);
	line.task = task;
	bh_rt.line_begun = true;
}

static bool end(void)
{
	size_t n = line.used;

	line.text[n++] = '\n';
	line.used = 0;
	bh_rt.line_begun = false;
	return write_all(line.text, n);
}

void bh_lines_end(void)
{
	if (line.used && !bh_rt.forked)
		end();
}

/* -- the stream --------------------------------------------------------------------- */

/* What stdio has for stderr. One that is longer than a line may be is cut into several. */
static ssize_t put(void *unused, const char *text, size_t n)
{
	uint64_t task = runs_tasks ? bh_rt.handle : 0;
	const char *rest = text, *stop = text + n;
	int before = errno;
	bool good = true;

	(void)unused;
	if (bh_rt.forked)
		return write_all(text, n) ? (ssize_t)n : 0;
	if (line.used && line.task != task)
		good = end(); /* another thread's */
	while (rest < stop && good) {
		if (!line.used)
			begin(task);
		const char *newline = memchr(rest, '\n', (size_t)(stop - rest));
		size_t part = (size_t)((newline ? newline : stop) - rest);
		size_t room = LINE - 1 - line.used, take = part < room ? part : room;

		memcpy(line.text + line.used, rest, take);
		line.used += take;
		rest += take + (newline && take == part);
		if (take < part || newline)
			good = end();
	}
	if (good)
		errno = before;
	return good ? (ssize_t)n : 0;
}

void bh_lines_begin(void)
{
	const cookie_io_functions_t ends = { .write = put };
	FILE *log = fopencookie(NULL, "w", ends);

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!log)
		return;
	setvbuf(log, NULL, _IONBF, 0);
#ifdef __GLIBC__
	/* For fileno(), which many ask whether it is a terminal; and freopen(), which leaves
	 * a stream of the C library's own there. */
	log->_fileno = STDERR_FILENO;
#endif
	stderr = log;
	atexit(bh_lines_end);
}

void bh_lines_enter(void)
{
	runs_tasks = true;
}

/* The C library's writes to a stream that it makes of stderr's descriptor. */
BH_API void perror(const char *what)
{
	const char *text = strerrordesc_np(errno);
	int err = errno;

	if (text)
		fprintf(stderr, "%s%s%s\n", what ? what : "", what && *what ? ": " : "", text);
	else
		fprintf(stderr, "%s%sUnknown error %d\n", what ? what : "",
			what && *what ? ": " : "", err);
	errno = err;
}
