/* SPDX-License-Identifier: MIT */
/*
 * log.c: lines for the log that wait for nobody (log.h).
 *
 * The bucket is the process's own, under a lock that no task waits with; a crash leaves
 * nothing behind but a count that was not told.
 */
#include <bulkhead/log.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "workers/base/rt.h"
#include "workers/crash/lines.h"

enum {
	BURST = 50,     /* lines at once */
	REFILL_MS = 50, /* and one more each so often: as the kernel's (kernel/base/log.c) */
	LINE = 1024,
	TAIL = 64, /* of it, for what comes by itself */
};

static struct {
	pthread_mutex_t lock;
	int64_t refilled_ns;
	int tokens;
	unsigned left_out;
} bucket = { .lock = PTHREAD_MUTEX_INITIALIZER, .tokens = BURST };

struct line {
	size_t used;
	char text[LINE];
};

/* -- a line ---------------------------------------------------------------------------- */

static void add(struct line *l, const char *text, size_t n)
{
	size_t room = LINE - TAIL - l->used;

	if (n > room)
		n = room;
	memcpy(l->text + l->used, text, n);
	l->used += n;
}

/* As it may stand in a line; between quotes, these and the backslash are escaped, too. */
static void add_safe(struct line *l, const char *text, bool quoted)
{
	char escape[8];

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '\n')
			add(l, "\\n", 2);
		else if (c < 0x20 || c == 0x7f)
			add(l, escape, (size_t)snprintf(escape, sizeof(escape), "\\x%02x", c));
		else if (quoted && (c == '"' || c == '\\'))
			add(l, (char[]){ '\\', (char)c }, 2);
		else
			add(l, text, 1);
	}
}

static bool wants_quotes(const char *text)
{
	if (!*text)
		return true;
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || strchr("\"=\\\x7f", *text))
			return true;
	return false;
}

static void add_field(struct line *l, const struct bh_field *f)
{
	char number[24];
	bool quoted = f->text && wants_quotes(f->text);

	add(l, " ", 1);
	add_safe(l, f->key, false);
	add(l, "=\"", quoted ? 2 : 1);
	if (f->text)
		add_safe(l, f->text, quoted);
	else
		add(l, number,
		    (size_t)snprintf(number, sizeof(number), "%lld", (long long)f->number));
	if (quoted)
		add(l, "\"", 1);
}

/* -- writing it, or not ------------------------------------------------------------------ */

static bool is_file(void)
{
	struct stat st;

	return fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode);
}

/* False: it would wait. */
static bool put(const struct line *l)
{
	struct iovec iov = { (void *)(uintptr_t)l->text, l->used };
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
	ssize_t n;

	if (poll(&p, 1, 0) <= 0 || !(p.revents & POLLOUT))
		return false;
	n = pwritev2(STDERR_FILENO, &iov, 1, -1, RWF_NOWAIT);
	if (n < 0 && errno == EAGAIN && !is_file())
		return false;
	/* It is of a kind that knows no such write; and a file waits for its disk alone. */
	if (n < 0)
		n = write(STDERR_FILENO, l->text, l->used);
	return n == (ssize_t)l->used;
}

static bool allowed(void)
{
	struct timespec ts;
	int64_t now, due;

	clock_gettime(CLOCK_MONOTONIC, &ts); /* not the service's, which a test may stop */
	now = BH_S(ts.tv_sec) + ts.tv_nsec;
	due = (now - bucket.refilled_ns) / BH_MS(REFILL_MS);
	if (due > 0) {
		bucket.tokens = due > BURST - bucket.tokens ? BURST : bucket.tokens + (int)due;
		bucket.refilled_ns = now;
	}
	return bucket.tokens > 0 && bucket.tokens--;
}

static void finish(struct line *l)
{
	if (bh_rt.me)
		l->used += (size_t)snprintf(l->text + l->used, 20, " worker=%u", bh_worker());
	pthread_mutex_lock(&bucket.lock);
	if (bucket.left_out)
		l->used += (size_t)snprintf(l->text + l->used, 24, " left_out=%u", bucket.left_out);
	l->text[l->used++] = '\n';
	if (allowed() && put(l))
		bucket.left_out = 0;
	else
		bucket.left_out++;
	pthread_mutex_unlock(&bucket.lock);
}

__attribute__((format(printf, 4, 0))) static void log_line(enum bh_log_level level,
							   const struct bh_field *fields, size_t n,
							   const char *fmt, va_list ap)
{
	static const char *const levels[] = { "error: ", "warning: ", "info: " };
	const char *name = levels[level <= BH_LOG_INFO ? level : BH_LOG_INFO];
	char text[LINE];
	struct line l;
	int before = errno;

	l.used = bh_lines_prefix(l.text);
	add(&l, name, strlen(name));
	vsnprintf(text, sizeof(text), fmt, ap);
	add_safe(&l, text, false);
	for (size_t i = 0; i < n; i++)
		add_field(&l, &fields[i]);
	finish(&l);
	errno = before;
}

void bh_log(enum bh_log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(level, NULL, 0, fmt, ap);
	va_end(ap);
}

void bh_log_fields(enum bh_log_level level, const struct bh_field *fields, size_t n,
		   const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(level, fields, n, fmt, ap);
	va_end(ap);
}
