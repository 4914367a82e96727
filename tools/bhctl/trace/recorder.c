/* SPDX-License-Identifier: MIT */
#include "tools/bhctl/trace/recorder.h"

#include <nng/nng.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/bhctl/bhctl.h"

enum {
	LEASE_MS = 3000,
	/* A third of the time in which a worker that records as much as it may fills its ring
	 * (ALLOW_PER_MS of kernel/reactor/events.c). Each request costs CPU that the observed
	 * system may want. */
	EACH_MS = 50,
	ANSWERS = 2,    /* at a time: there may be more for ever */
	HELD = 1 << 17, /* events, for the sake of their order */
	TELL_EACH = 10, /* of these */
};

static volatile sig_atomic_t interrupted;

static void interrupt(int sig)
{
	interrupted = sig;
}

static int ask(struct bh_recorder *r, bool begin)
{
	Bulkhead__Request q = BULKHEAD__REQUEST__INIT;
	Bulkhead__TraceEventsRequest t = BULKHEAD__TRACE_EVENTS_REQUEST__INIT;
	Bulkhead__Reply *reply;

	t.record_ms = r->record ? LEASE_MS : 0;
	t.begin = begin;
	if (r->last) {
		t.cursors = r->last->trace_events->cursors;
		t.n_cursors = r->last->trace_events->n_cursors;
	}
	q.verb_case = BULKHEAD__REQUEST__VERB_TRACE_EVENTS;
	q.trace_events = &t;
	int code = bh_line_wait(&r->line, &q, &reply);
	if (code)
		return code;
	if (reply->error || reply->answer_case != BULKHEAD__REPLY__ANSWER_TRACE_EVENTS) {
		fprintf(stderr, "bhctl: %s\n",
			reply->error ? reply->error->text :
				       "the system cannot record events: is it an older version?");
		bulkhead__reply__free_unpacked(reply, NULL);
		return BH_EXIT_NO;
	}
	if (r->last)
		bulkhead__reply__free_unpacked(r->last, NULL);
	r->last = reply;
	return 0;
}

static void take_names(struct bh_recorder *r)
{
	const Bulkhead__TraceEvents *t = r->last->trace_events;

	memset(r->type, 0, sizeof(r->type));
	memset(r->service, 0, sizeof(r->service));
	for (size_t i = 0; i < t->n_services && i < BH_RECORDER_SERVICES; i++)
		r->service[i] = t->services[i];
	for (size_t i = 0; i < t->n_types; i++)
		if (t->types[i]->service < BH_RECORDER_SERVICES &&
		    t->types[i]->type < BH_RECORDER_TYPES)
			r->type[t->types[i]->service][t->types[i]->type] = t->types[i]->name;
}

static int append(struct bh_recorder *r, const ProtobufCBinaryData *from)
{
	size_t n = from->len / sizeof(struct bh_event);

	if (r->n + n > r->room) {
		size_t room = (r->n + n) * 2;
		struct bh_event *more = realloc(r->events, room * sizeof(*more));

		if (!more) {
			fprintf(stderr, "bhctl: no memory for %zu events; record for less time\n",
				room);
			return BH_EXIT_SYSTEM;
		}
		r->events = more;
		r->room = room;
	}
	if (n)
		memcpy(r->events + r->n, from->data, n * sizeof(struct bh_event));
	r->n += n;
	r->got += n;
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct bh_event *x = a, *y = b;

	return x->time_ns != y->time_ns ? (x->time_ns < y->time_ns ? -1 : 1) :
	       x->slot != y->slot       ? (x->slot < y->slot ? -1 : 1) :
					  (int32_t)(x->seq - y->seq);
}

/* Sorts by time. An event later than complete_ns waits for the next answer, for an earlier
 * event may still be in another ring. But a client that cannot keep up (more than HELD events)
 * does not wait: then the order holds within each ring alone. */
static void settle(struct bh_recorder *r, bool all)
{
	all = all || r->n - r->ready > HELD;

	qsort(r->events + r->ready, r->n - r->ready, sizeof(*r->events), by_time);
	while (r->ready < r->n && (all || (int64_t)r->events[r->ready].time_ns < r->complete_ns))
		r->ready++;
}

int bh_recorder_begin(struct bh_recorder *r, const char *url, bool record)
{
	memset(r, 0, sizeof(*r));
	r->record = record;
	int err = bh_line_open(&r->line, url);
	if (err) {
		fprintf(stderr, "bhctl: no connection to %s: %s\n", url, nng_strerror(err));
		return BH_EXIT_SYSTEM;
	}
	int code = ask(r, true);
	if (!code) {
		take_names(r);
		r->began_ns = r->now_ns = r->last->trace_events->now_ns;
	}
	return code;
}

static void find_gap(struct bh_recorder *r, uint32_t number)
{
	if (r->record && r->recording && number != r->recording)
		r->gaps++;
	r->recording = number;
}

int bh_recorder_take(struct bh_recorder *r)
{
	int answers = 0, code;

	do {
		code = ask(r, false);
		if (code)
			return code;
		take_names(r);
		r->lost += r->last->trace_events->lost;
		r->now_ns = r->last->trace_events->now_ns;
		find_gap(r, r->last->trace_events->recording);
		code = append(r, &r->last->trace_events->events);
		r->behind = r->last->trace_events->more;
		if (!r->behind)
			r->complete_ns = r->now_ns;
	} while (!code && r->behind && ++answers < ANSWERS);
	settle(r, false);
	return code;
}

void bh_recorder_drop(struct bh_recorder *r, size_t n)
{
	memmove(r->events, r->events + n, (r->n - n) * sizeof(*r->events));
	r->n -= n;
	r->ready -= n;
}

/* A progress line, rewritten in place; erased at the end. */
static void tell_progress(const struct bh_recorder *r)
{
	fprintf(stderr, "\r\033[Kbhctl: %.0f s, %llu events", bh_recorder_seconds(r),
		(unsigned long long)r->got);
	if (r->written)
		fprintf(stderr, ", %llu MiB written", (unsigned long long)r->written >> 20);
	if (r->over)
		fprintf(stderr, "\r\033[K");
	fflush(stderr);
}

static void tell_gaps(const struct bh_recorder *r)
{
	if (r->gaps)
		fprintf(stderr,
			"bhctl: the recording was interrupted %u times: what happened meanwhile is in no "
			"count\n",
			r->gaps);
}

int bh_recorder_run(struct bh_recorder *r, double seconds, int (*each)(struct bh_recorder *r),
		    bool tell)
{
	const struct timespec pause = { .tv_nsec = EACH_MS * 1000000l };
	const struct sigaction act = { .sa_handler = interrupt };
	unsigned turns = 0;
	int code = 0;

	tell = tell && isatty(STDERR_FILENO);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	while (!code && !interrupted && (seconds <= 0 || bh_recorder_seconds(r) < seconds)) {
		if (!r->behind)
			nanosleep(&pause, NULL);
		code = bh_recorder_take(r);
		if (!code)
			code = each(r);
		if (tell && turns++ % TELL_EACH == 0)
			tell_progress(r);
	}
	r->over = true;
	if (tell)
		tell_progress(r);
	if (!code) {
		settle(r, true);
		code = each(r);
	}
	if (code == BH_RECORDER_ENOUGH)
		code = 0;
	if (!code)
		tell_gaps(r);
	return code;
}

const char *bh_recorder_type(const struct bh_recorder *r, const struct bh_event *e)
{
	const char *name = e->service < BH_RECORDER_SERVICES && e->type < BH_RECORDER_TYPES ?
				   r->type[e->service][e->type] :
				   NULL;

	return name && name[0] ? name : "(unknown)";
}

const char *bh_recorder_service(const struct bh_recorder *r, const struct bh_event *e)
{
	const char *name = e->service < BH_RECORDER_SERVICES ? r->service[e->service] : NULL;

	return name ? name : "(unknown)";
}

const char *bh_event_name(unsigned kind)
{
	static const char *const names[BH_EV_END] = {
		[BH_EV_SPAWN] = "spawn",     [BH_EV_WAKE] = "wake",     [BH_EV_POLL] = "poll",
		[BH_EV_PARK] = "park",       [BH_EV_STEAL] = "steal",   [BH_EV_TIMER] = "timer",
		[BH_EV_IO] = "io",           [BH_EV_JOB] = "job",       [BH_EV_CRASH] = "crash",
		[BH_EV_RESTART] = "restart", [BH_EV_WOKEN] = "woken",   [BH_EV_ON_CPU] = "on_cpu",
		[BH_EV_OFF_CPU] = "off_cpu", [BH_EV_SIGNAL] = "signal", [BH_EV_DIED] = "died",
		[BH_EV_OOM] = "oom",         [BH_EV_SAMPLE] = "sample", [BH_EV_MORE] = "more",
	};

	return kind < BH_EV_END && names[kind] ? names[kind] : "unknown";
}

const char *bh_event_end_name(uint64_t end)
{
	static const char *const names[] = { [BH_EVP_PENDING] = "pending",
					     [BH_EVP_AGAIN] = "again",
					     [BH_EVP_DONE] = "done",
					     [BH_EVP_CRASHED] = "crashed" };

	return end < sizeof(names) / sizeof(*names) ? names[end] : "unknown";
}

void bh_recorder_fini(struct bh_recorder *r)
{
	if (r->last)
		bulkhead__reply__free_unpacked(r->last, NULL);
	free(r->events);
}
