/* SPDX-License-Identifier: MIT */
/* crash.c: GET /crash?how=: ways to die, and the report that comes of them. */
#include "crash.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bulkhead/bulkhead.h>

#include "response.h"
#include "routes.h"

static void by_segv(void)
{
	volatile int *volatile nowhere = NULL;

	*nowhere = 1;
}

static void by_exit(void)
{
	exit(3);
}

static void by_kill(void)
{
	kill(getpid(), SIGKILL);
}

/* The frame is used after the call, so that no compiler makes a loop of it, and
 * none can know that `above` is never 0. */
static int deeper(volatile char *above)
{
	volatile char frame[256];

	frame[0] = above[0];
	return frame[0] ? deeper(frame) + frame[0] : 0;
}

static void by_overflow(void)
{
	volatile char top = 1;

	(void)deeper(&top);
}

static void by_fpe(void)
{
	volatile int ten = 10, zero = 0; /* of 1 / x compilers make comparisons */

	zero = ten / zero;
	raise(SIGFPE); /* for processors that divide by zero without complaint */
}

static const struct {
	const char *how;
	void (*die)(void);
} ways[] = {
	{ "segv", by_segv }, { "abort", abort },  { "overflow", by_overflow },
	{ "exit", by_exit }, { "kill", by_kill }, { "fpe", by_fpe },
};

int64_t http_crash(void *arg)
{
	char how[16] = "segv";

	(void)http_request_value(arg, "how", how, sizeof(how));
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strcmp(ways[i].how, how) == 0) {
			ways[i].die();
			return http_reply_text(200, "survived %s\n", how);
		}
	return http_reply_text(400, "how is one of segv, abort, overflow, exit, kill, fpe\n");
}

/* "SIGSEGV", "exit" for a worker that called exit(), or "signal N". */
static const char *cause_name(const struct bh_crash *c, char *buf, size_t size)
{
	const char *name = c->signal ? sigabbrev_np(c->signal) : NULL;

	if (c->signal == 0)
		snprintf(buf, size, "exit");
	else if (name)
		snprintf(buf, size, "SIG%s", name);
	else
		snprintf(buf, size, "signal %" PRId32, c->signal);
	return buf;
}

/* The name was in memory that the task could write: it may be anything. */
static void clean_name(const struct bh_crash *c, char name[sizeof(c->task_name)])
{
	size_t i = 0;

	for (; i + 1 < sizeof(c->task_name) && c->task_name[i]; i++) {
		char ch = c->task_name[i];

		name[i] = ch > ' ' && ch < 127 && ch != '"' && ch != '\\' ? ch : '?';
	}
	name[i] = '\0';
}

static int report_json(const struct bh_crash *c, const char *cause, char *buf, size_t size)
{
	char task_name[sizeof(c->task_name)];

	clean_name(c, task_name);
	return snprintf(buf, size,
			"{\"error\":\"handler crashed\",\"crash\":{\"id\":%" PRIu64
			",\"cause\":\"%s\",\"signal\":%" PRId32 ",\"exit_code\":%" PRId32
			",\"address\":\"0x%" PRIx64 "\",\"instruction\":\"0x%" PRIx64
			"\",\"stack_overflow\":%s,\"task\":\"0x%" PRIx64
			"\",\"task_name\":\"%s\",\"worker\":%" PRIu32 ",\"pid\":%" PRId32
			",\"restart_us\":%" PRIu32 "}}\n",
			c->id, cause, c->signal, c->exit_code, c->address, c->instruction,
			c->stack_overflow ? "true" : "false", c->task, task_name, c->worker, c->pid,
			c->restart_us);
}

static int report_text(const struct bh_crash *c, const char *cause, char *buf, size_t size)
{
	char what[64], back[64] = "not back yet", task_name[sizeof(c->task_name)];

	clean_name(c, task_name);
	if (c->signal == 0)
		snprintf(what, sizeof(what), "called exit(%" PRId32 ")", c->exit_code);
	else if (c->signal == SIGSEGV || c->signal == SIGBUS || c->signal == SIGFPE)
		snprintf(what, sizeof(what), "%s at address 0x%" PRIx64, cause, c->address);
	else
		snprintf(what, sizeof(what), "%s", cause);
	if (c->restart_us)
		snprintf(back, sizeof(back), "back after %" PRIu32 " us", c->restart_us);
	return snprintf(buf, size,
			"The handler of this request crashed. Nothing else did: this connection "
			"goes on.\n\n"
			"  cause   %s%s\n"
			"  task    0x%" PRIx64 " (%s)\n"
			"  worker  %" PRIu32 " (pid %" PRId32 "), %s\n"
			"  crash   %" PRIu64 " in `bhctl crashes`\n",
			what, c->stack_overflow ? ", stack overflow" : "", c->task, task_name,
			c->worker, c->pid, back, c->id);
}

size_t http_crash_report(const struct bh_crash *crash, bool json, char *buf, size_t size)
{
	char name[24];
	const char *cause = cause_name(crash, name, sizeof(name));
	int n = json ? report_json(crash, cause, buf, size) : report_text(crash, cause, buf, size);

	if (n < 0)
		return 0;
	return (size_t)n < size ? (size_t)n : size - 1;
}
