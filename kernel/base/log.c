/* SPDX-License-Identifier: MIT */
/* log.c: what the kernel says, one line each, on stderr. */
#include "kernel/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "ipc/base/out.h"
#include "kernel/base/clock.h"

enum {
	BURST = 50,     /* lines at once */
	REFILL_MS = 50, /* and one more each so often */
	LINE = 512,
};

/* A token bucket: a service that crashes a thousand times a second must not make
 * the kernel spend its time on telling so. */
static struct {
	int64_t refilled_ns;
	int tokens;
	unsigned left_out;
} bucket = { .tokens = BURST };

static bool allowed(void)
{
	int64_t now = bh_clock_ns(), due = (now - bucket.refilled_ns) / (REFILL_MS * BH_NS_PER_MS);

	if (due > 0) {
		bucket.tokens = due > BURST ? BURST : bucket.tokens + (int)due;
		if (bucket.tokens > BURST)
			bucket.tokens = BURST;
		bucket.refilled_ns = now;
	}
	if (!bucket.tokens) {
		bucket.left_out++;
		return false;
	}
	bucket.tokens--;
	return true;
}

static int stamp(char *out, size_t size)
{
	struct timespec ts;
	struct tm tm;
	char date[32];

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	return snprintf(out, size, "%s.%03ldZ bulkhead: ", date, ts.tv_nsec / 1000000);
}

/* One write a line, so that lines of several processes do not mix. False: nobody reads
 * them. */
static bool put(const char *text)
{
	char line[LINE];
	int n = stamp(line, sizeof(line));

	n += snprintf(line + n, sizeof(line) - (size_t)n, "%s\n", text);
	if (n >= LINE) {
		n = LINE;
		line[LINE - 1] = '\n';
	}
	return bh_out(STDERR_FILENO, line, (size_t)n);
}

void bh_log(const char *fmt, ...)
{
	char text[LINE];
	va_list ap;

	if (!allowed())
		return;
	if (bucket.left_out) {
		snprintf(text, sizeof(text), "(%u lines left out)", bucket.left_out);
		if (!put(text)) {
			bucket.left_out++;
			return;
		}
		bucket.left_out = 0;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	bucket.left_out += !put(text);
}
