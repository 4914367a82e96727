/* SPDX-License-Identifier: MIT */
/*
 * timeline_json.c: a timeline in Chrome's trace event format, which Perfetto and
 * chrome://tracing open. A service is a process there, a worker slot a thread. With the
 * Linux kernel's view each worker has a second thread, what Linux did with it; and
 * there is a process of which each CPU is a thread, with who is on it.
 *
 *   X  slice    a poll, a job, a sleep; and, a nanosecond wide so that an arrow has
 *               where to begin, a wake-up by no task or by one whose poll is not here
 *   s, f        the two ends of an arrow, by id
 *   i  instant  a steal, a crash, a restart; a signal, a death
 *   M  the names of rows
 *
 * All but the names come in the order of time.
 */
#include "timeline.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "value.h"

enum part {
	PART_EVENT,
	PART_SPAN,
	PART_ARROW_FROM,
	PART_ARROW_TO
};

enum {
	CPUS = 1000,  /* pid of the process of CPUs */
	LINUX = 1000, /* + slot: tid of a worker's second row */
};

/* What is to be written, to be sorted. */
struct item {
	uint64_t at_ns;
	size_t idx; /* of the event, the span or the arrow */
	enum part part;
};

static int by_time(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->at_ns != y->at_ns)
		return x->at_ns < y->at_ns ? -1 : 1;
	/* A slice before the arrow that begins or ends in it. */
	return x->part != y->part ? (int)x->part - (int)y->part : x->idx < y->idx ? -1 : 1;
}

static void put_us(struct json_object *o, const char *key, int64_t ns)
{
	char text[32];

	snprintf(text, sizeof(text), "%s%" PRId64 ".%03d", ns < 0 ? "-" : "",
		 (ns < 0 ? -ns : ns) / 1000, (int)((ns < 0 ? -ns : ns) % 1000));
	json_object_object_add(o, key, json_object_new_double_s((double)ns / 1e3, text));
}

static struct json_object *begin(const struct bh_timeline *t, const char *ph, const char *name,
				 const struct bh_event *e, uint64_t at_ns)
{
	struct json_object *o = json_object_new_object();

	bh_value_text(o, "ph", ph);
	bh_value_text(o, "name", name);
	bh_value_text(o, "cat", bh_event_name(e->kind));
	bh_value_uint(o, "pid", e->service + 1u);
	bh_value_uint(o, "tid", e->slot);
	put_us(o, "ts", (int64_t)at_ns - t->r->began_ns);
	return o;
}

static bool end(FILE *f, struct json_object *o)
{
	bool ok =
		fprintf(f, "%s,\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN)) > 0;

	json_object_put(o);
	return ok;
}

static void put_task(struct json_object *args, const struct bh_event *e)
{
	static const char *const ends[] = { "pending", "again", "done", "crashed" };

	bh_value_hex(args, "task", e->task);
	if (e->kind == BH_EV_POLL || e->kind == BH_EV_JOB)
		bh_value_text(args, "end", e->b < 4 ? ends[e->b] : "unknown");
	else if (e->kind == BH_EV_CRASH)
		bh_value_uint(args, "crash", e->b);
}

static bool put_slice(const struct bh_timeline *t, FILE *f, const struct bh_event *e)
{
	bool task = e->kind != BH_EV_PARK;
	const char *name = e->kind == BH_EV_POLL || e->kind == BH_EV_JOB ?
				   bh_recorder_type(t->r, e) :
				   bh_event_name(e->kind);
	struct json_object *o = begin(t, "X", name, e, bh_event_start(e));

	put_us(o, "dur", bh_event_lasts(e->kind) ? (int64_t)e->a : 1);
	if (task)
		put_task(bh_value_object(o, "args"), e);
	return end(f, o);
}

/* On its CPU a worker is in two rows: its own, and the CPU's. */
static bool put_span(const struct bh_timeline *t, FILE *f, const struct bh_span *s)
{
	static const char *const cats[] = {
		[BH_SPAN_ON] = "on_cpu", [BH_SPAN_WAIT] = "cpu_wait", [BH_SPAN_AWAY] = "off_cpu"
	};
	const struct bh_event *e = &t->r->events[s->event];
	bool known = e->type != BH_EVENT_NO_TYPE, ok = true;
	char name[160], row[32];

	bh_row_name(row, e->slot);
	for (int cpu = 0; cpu <= (s->kind == BH_SPAN_ON); cpu++) {
		if (cpu)
			snprintf(name, sizeof(name), "%.48s %s%s%.64s",
				 bh_recorder_service(t->r, e), row, known ? ": " : "",
				 known ? bh_recorder_type(t->r, e) : "");
		else
			bh_span_name(name, t, s);
		struct json_object *o = begin(t, "X", name, e, s->from_ns), *args;

		bh_value_text(o, "cat", cats[s->kind]);
		bh_value_uint(o, "pid", cpu ? CPUS : e->service + 1u);
		bh_value_uint(o, "tid", cpu ? s->cpu : (uint32_t)LINUX + e->slot);
		put_us(o, "dur", (int64_t)(s->to_ns - s->from_ns));
		args = bh_value_object(o, "args");
		if (known)
			bh_value_text(args, "type", bh_recorder_type(t->r, e));
		if (s->kind == BH_SPAN_ON)
			bh_value_uint(args, "next_pid", e->other_pid);
		ok = end(f, o) && ok;
	}
	return ok;
}

/* What killed it, as Linux saw it. */
static bool put_death(const struct bh_timeline *t, FILE *f, const struct bh_event *e)
{
	struct json_object *o = begin(t, "i", bh_event_name(e->kind), e, e->time_ns), *args;

	bh_value_uint(o, "tid", LINUX + e->slot);
	bh_value_text(o, "s", "t");
	args = bh_value_object(o, "args");
	if (e->kind == BH_EV_SIGNAL) {
		bh_value_uint(args, "signal", (uint32_t)e->a);
		bh_value_uint(args, "sender_pid", e->other_pid);
	}
	return end(f, o);
}

static bool put_instant(const struct bh_timeline *t, FILE *f, const struct bh_event *e)
{
	struct json_object *o = begin(t, "i", bh_event_name(e->kind), e, e->time_ns), *args;

	bh_value_text(o, "s", e->kind == BH_EV_STEAL ? "t" : "p");
	args = bh_value_object(o, "args");
	if (e->kind == BH_EV_STEAL) {
		bh_value_uint(args, "tasks", e->a);
		bh_value_uint(args, "from", e->b);
	} else if (e->kind == BH_EV_RESTART) {
		bh_value_uint(args, "after_ns", e->a);
	} else {
		bh_value_text(args, "type", bh_recorder_type(t->r, e));
		put_task(args, e);
	}
	return end(f, o);
}

/* Where an arrow that begins at @e begins: in the poll of its waker? Called in the
 * order of time. */
static bool in_a_poll(const struct bh_event *e)
{
	static uint64_t until_ns[BH_RECORDER_SERVICES][BH_ROW_KERNEL + 1];
	uint64_t *until;

	if (e->service >= BH_RECORDER_SERVICES || e->slot > BH_ROW_KERNEL)
		return false;
	until = &until_ns[e->service][e->slot];
	if (e->kind == BH_EV_POLL || e->kind == BH_EV_JOB)
		*until = e->time_ns;
	return e->other && *until >= e->time_ns;
}

static bool put_event(const struct bh_timeline *t, FILE *f, const struct bh_event *e)
{
	bool in_poll = in_a_poll(e);

	switch (e->kind) {
	case BH_EV_WOKEN: /* the spans say all that rows can show of them */
	case BH_EV_ON_CPU:
	case BH_EV_OFF_CPU:
	case BH_EV_SAMPLE:
	case BH_EV_MORE:
		return true;
	case BH_EV_SIGNAL:
	case BH_EV_DIED:
	case BH_EV_OOM:
		return e->slot >= BH_SLOTS || put_death(t, f, e);
	case BH_EV_STEAL:
	case BH_EV_CRASH:
	case BH_EV_RESTART:
		return put_instant(t, f, e);
	case BH_EV_SPAWN:
	case BH_EV_WAKE:
		return in_poll || put_slice(t, f, e);
	default:
		return put_slice(t, f, e);
	}
}

static bool put_arrow(const struct bh_timeline *t, FILE *f, size_t i, bool from)
{
	const struct bh_arrow *a = &t->arrows[i];
	const struct bh_event *e = &t->r->events[from ? a->from : a->to];
	struct json_object *o = begin(t, from ? "s" : "f", "wake", e, bh_event_start(e));

	bh_value_text(o, "cat", "wake"); /* the two ends are told to belong together by it */
	bh_value_uint(o, "id", i + 1);
	if (!from)
		bh_value_text(o, "bp", "e");
	return end(f, o);
}

static bool put_name(FILE *f, const char *what, unsigned pid, unsigned tid, const char *name)
{
	struct json_object *o = json_object_new_object();

	bh_value_text(o, "ph", "M");
	bh_value_text(o, "name", what);
	bh_value_uint(o, "pid", pid);
	bh_value_uint(o, "tid", tid);
	bh_value_text(bh_value_object(o, "args"), "name", name);
	return end(f, o);
}

static bool put_names(const struct bh_timeline *t, FILE *f)
{
	static bool seen[BH_RECORDER_SERVICES][BH_ROW_KERNEL + 1];
	static bool service_seen[BH_RECORDER_SERVICES];
	char text[64], row[32];
	bool ok = true;

	for (size_t i = 0; i < t->r->ready; i++) {
		const struct bh_event *e = &t->r->events[i];

		if (e->service >= BH_RECORDER_SERVICES || e->slot > BH_ROW_KERNEL ||
		    e->kind == BH_EV_MORE || seen[e->service][e->slot])
			continue;
		seen[e->service][e->slot] = true;
		if (!service_seen[e->service]) {
			snprintf(text, sizeof(text), "service %.40s", bh_recorder_service(t->r, e));
			ok = ok && put_name(f, "process_name", e->service + 1u, 0, text);
		}
		service_seen[e->service] = true;
		bh_row_name(row, e->slot);
		ok = ok && put_name(f, "thread_name", e->service + 1u, e->slot, row);
	}
	return ok;
}

/* Of the rows that the Linux kernel's view adds. */
static bool put_linux_names(const struct bh_timeline *t, FILE *f)
{
	static bool cpu_seen[BH_CPUS], seen[BH_RECORDER_SERVICES][BH_SLOTS];
	char text[64], row[32];
	bool ok = !t->n_spans || put_name(f, "process_name", CPUS, 0, "CPUs");

	for (size_t i = 0; i < t->r->ready; i++) {
		const struct bh_event *e = &t->r->events[i];

		if (e->kind < BH_EV_RUNTIME_END || e->kind == BH_EV_MORE ||
		    e->service >= BH_RECORDER_SERVICES || e->slot >= BH_SLOTS)
			continue;
		if (!seen[e->service][e->slot]) {
			bh_row_name(row, e->slot);
			snprintf(text, sizeof(text), "%s, by Linux", row);
			ok = ok &&
			     put_name(f, "thread_name", e->service + 1u, LINUX + e->slot, text);
		}
		seen[e->service][e->slot] = true;
		if (e->kind != BH_EV_OFF_CPU || e->cpu >= BH_CPUS || cpu_seen[e->cpu])
			continue;
		cpu_seen[e->cpu] = true;
		snprintf(text, sizeof(text), "CPU %u", e->cpu);
		ok = ok && put_name(f, "thread_name", CPUS, e->cpu, text);
	}
	return ok;
}

static size_t items_of(const struct bh_timeline *t, struct item *out)
{
	size_t n = 0;

	for (size_t i = 0; i < t->r->ready; i++)
		out[n++] = (struct item){ bh_event_start(&t->r->events[i]), i, PART_EVENT };
	for (size_t i = 0; i < t->n_spans; i++)
		out[n++] = (struct item){ t->spans[i].from_ns, i, PART_SPAN };
	for (size_t i = 0; i < t->n_arrows; i++) {
		const struct bh_arrow *a = &t->arrows[i];

		out[n++] = (struct item){ t->r->events[a->from].time_ns, i, PART_ARROW_FROM };
		out[n++] = (struct item){ bh_event_start(&t->r->events[a->to]), i, PART_ARROW_TO };
	}
	return n;
}

static bool put_item(const struct bh_timeline *t, FILE *f, const struct item *i)
{
	switch (i->part) {
	case PART_EVENT:
		return put_event(t, f, &t->r->events[i->idx]);
	case PART_SPAN:
		return put_span(t, f, &t->spans[i->idx]);
	default:
		return put_arrow(t, f, i->idx, i->part == PART_ARROW_FROM);
	}
}

bool bh_timeline_json(const struct bh_timeline *t, FILE *f)
{
	size_t room = t->r->ready + t->n_spans + 2 * t->n_arrows + 1;
	struct item *items = malloc(room * sizeof(*items));
	bool ok = items && fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n", f) >= 0 &&
		  put_names(t, f) && put_linux_names(t, f);
	size_t n = ok ? items_of(t, items) : 0;

	if (ok)
		qsort(items, n, sizeof(*items), by_time);
	for (size_t i = 0; ok && i < n; i++)
		ok = put_item(t, f, &items[i]);
	free(items);
	/* The end of the list has no comma: one more name, of the clock. */
	return ok && fprintf(f,
			     "{\"ph\":\"M\",\"name\":\"trace_clock\",\"pid\":0,\"tid\":0,"
			     "\"args\":{\"name\":\"CLOCK_MONOTONIC\"}}\n],"
			     "\"otherData\":{\"events\":%zu,\"lost\":%" PRIu64
			     ",\"began_ns\":%" PRId64 "}}\n",
			     t->r->ready, t->r->lost, t->r->began_ns) > 0;
}
