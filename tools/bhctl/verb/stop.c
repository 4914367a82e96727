/* SPDX-License-Identifier: MIT */
/*
 * stop.c: bhctl stop: returns when the system has ended.
 *
 * The sign is that the endpoint is gone, which the guardian removes last: a pid would mean
 * nothing in another pid namespace. Meanwhile stop asks what the system waits for; another
 * pid in the answer is that of a system that has followed this one.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "tools/bhctl/ask.h"
#include "tools/bhctl/bhctl.h"
#include "tools/bhctl/show/value.h"
#include "tools/place.h"

enum {
	LOOK_MS = 20,
	ASK_MS = 300,      /* how often stop asks what the system waits for, */
	QUIET_MS = 1000,   /* but not in a stop that takes no longer */
	LEFT_MS = 6000,    /* for the guardian to remove the endpoint: it has 5 s to reap */
	BEYOND_MS = 20000, /* the grace period: kernel and guardian have limits of their own */
};

struct stop {
	struct bh_line line;
	char path[BH_PLACE_BYTES];
	struct stat socket; /* as it was */
	int pid;
	int64_t began_ms, asked_ms, refused_ms; /* 0: it is not */
	bool asking, tasks_next;
	bool another; /* system answers */
	uint64_t turns;
	bool stuck; /* the kernel has not turned from one answer to the next */
	int kernel;
	char left[400], told[400];
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* 0: *@out is the answer. */
static int ask_stop(struct stop *s, bool now, Bulkhead__Reply **out)
{
	Bulkhead__StopRequest stop = BULKHEAD__STOP_REQUEST__INIT;
	Bulkhead__Request q = BULKHEAD__REQUEST__INIT;

	stop.now = now;
	q.verb_case = BULKHEAD__REQUEST__VERB_STOP;
	q.stop = &stop;
	int code = bh_line_wait(&s->line, &q, out);

	if (!code && (*out)->error) {
		fprintf(stderr, "bhctl: %s\n", (*out)->error->text);
		return BH_EXIT_NO;
	}
	return code;
}

static bool ended(struct stop *s)
{
	struct stat st;

	if (s->another || lstat(s->path, &st) || st.st_ino != s->socket.st_ino)
		return true;
	if (!bh_place_try(s->path))
		s->refused_ms = 0; /* an admin server was started again, at the most */
	else if (!s->refused_ms)
		s->refused_ms = now_ms();
	if (!s->refused_ms || now_ms() - s->refused_ms < LEFT_MS)
		return false;
	fprintf(stderr, "bhctl: the system is gone, and has left %s behind: it was killed\n",
		s->path);
	return true;
}

static void take_tasks(struct stop *s, const Bulkhead__Tasks *t)
{
	uint64_t all = 0;
	size_t at = 0;

	s->left[0] = '\0';
	for (size_t i = 0; i < t->n_types && at < sizeof(s->left); i++) {
		if (!t->types[i]->live)
			continue;
		at += (size_t)snprintf(s->left + at, sizeof(s->left) - at, "%s%" PRIu64 " %s.%s",
				       all ? ", " : "", t->types[i]->live, t->types[i]->service,
				       t->types[i]->name);
		all += t->types[i]->live;
	}
}

static void take_status(struct stop *s, const Bulkhead__Status *st)
{
	s->another = st->pid != s->pid;
	if (!st->kernel)
		return;
	s->stuck = st->kernel->turns == s->turns;
	s->turns = st->kernel->turns;
	s->kernel = st->kernel->pid;
}

static void take(struct stop *s, Bulkhead__Reply *r)
{
	s->asking = false;
	s->tasks_next = !s->tasks_next;
	if (r->answer_case == BULKHEAD__REPLY__ANSWER_TASKS)
		take_tasks(s, r->tasks);
	else if (r->answer_case == BULKHEAD__REPLY__ANSWER_STATUS)
		take_status(s, r->status);
	bulkhead__reply__free_unpacked(r, NULL);
}

/* Never waits: an admin server that does not answer may be gone already. */
static void ask(struct stop *s)
{
	Bulkhead__StatusRequest status = BULKHEAD__STATUS_REQUEST__INIT;
	Bulkhead__TasksRequest tasks = BULKHEAD__TASKS_REQUEST__INIT;
	Bulkhead__Request q = BULKHEAD__REQUEST__INIT;
	Bulkhead__Reply *r;

	if (s->asking && (r = bh_line_answer(&s->line)))
		take(s, r);
	if (now_ms() - s->asked_ms < ASK_MS)
		return;
	s->asked_ms = now_ms();
	tasks.service = (char *)(uintptr_t) "";
	tasks.limit = 1;
	q.verb_case =
		s->tasks_next ? BULKHEAD__REQUEST__VERB_TASKS : BULKHEAD__REQUEST__VERB_STATUS;
	if (s->tasks_next)
		q.tasks = &tasks;
	else
		q.status = &status;
	s->asking = bh_line_ask(&s->line, &q);
}

static void tell(struct stop *s)
{
	char text[sizeof(s->told)];

	if (now_ms() - s->began_ms < QUIET_MS)
		return;
	if (s->stuck)
		snprintf(text, sizeof(text),
			 "the kernel (pid %d) does not turn: was it stopped by a signal? "
			 "`kill -CONT %d`, and the system ends",
			 s->kernel, s->kernel);
	else if (s->left[0])
		snprintf(text, sizeof(text), "waiting for %.380s", s->left);
	else
		return;
	if (strcmp(text, s->told))
		fprintf(stderr, "bhctl: %s\n", text);
	strcpy(s->told, text);
}

static int wait_for(struct stop *s, int64_t limit_ms)
{
	while (!ended(s)) {
		if (now_ms() - s->began_ms > limit_ms) {
			fprintf(stderr,
				"bhctl: the system (pid %d) was told to stop %lld s ago and has "
				"not ended%s%s\n",
				s->pid, (long long)limit_ms / 1000, s->told[0] ? "; last: " : "",
				s->told);
			return BH_EXIT_SYSTEM;
		}
		ask(s);
		tell(s);
		poll(NULL, 0, LOOK_MS);
	}
	return BH_EXIT_OK;
}

static int show(const struct stop *s, bool json, int code)
{
	if (!json && !code)
		puts("stopped");
	if (!json)
		return code;
	struct json_object *o = json_object_new_object();

	bh_value_int(o, "pid", s->pid);
	bh_value_bool(o, "stopped", !code);
	bh_value_print(o, false);
	return code;
}

int bh_stop(const char *url, const struct bh_options *o)
{
	struct stop s = { .began_ms = now_ms() };
	Bulkhead__Reply *r = NULL;
	int code = BH_EXIT_SYSTEM;

	if (bh_place_path(url, s.path) || lstat(s.path, &s.socket) || bh_line_open(&s.line, url))
		fprintf(stderr, "bhctl: the system at %s does not answer\n", url);
	else
		code = ask_stop(&s, o->now, &r);
	if (!code && r->answer_case != BULKHEAD__REPLY__ANSWER_STOPPING) {
		fprintf(stderr, "bhctl: what answers at %s does not understand `stop`\n", url);
		code = BH_EXIT_SYSTEM;
	} else if (!code) {
		s.pid = r->stopping->pid;
		code = wait_for(&s, (o->now ? 0 : r->stopping->grace_ms) + BEYOND_MS);
		show(&s, o->json, code);
	}
	if (r)
		bulkhead__reply__free_unpacked(r, NULL);
	return code;
}
