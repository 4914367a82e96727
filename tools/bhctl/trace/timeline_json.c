/* SPDX-License-Identifier: MIT */
/*
 * timeline_json.c: a timeline in Chrome's trace event format, which Perfetto and
 * chrome://tracing open. A service is a process there, a worker slot a thread. With the
 * Linux kernel's view each worker has a second thread, its states in Linux; and
 * there is a process with a thread for each CPU, which shows the workers on it.
 *
 *   X  slice    a poll, a job, a sleep; and, a nanosecond wide so that an arrow has
 *               where to begin, a wake-up by no task or by a task whose poll is not here
 *   s, f        the two ends of an arrow, by id
 *   i  instant  a steal, a crash, a restart; a signal, a death
 *   M  the names of rows
 *
 * All but the names come in the order of time.
 */
#include "tools/bhctl/trace/timeline.h"

#include <inttypes.h>
#include <stdlib.h>

#include "tools/bhctl/show/text.h"

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

/* The items to write, for sorting. */
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

/* -- an event of the file: a line ---------------------------------------------------- */

static void put_key(struct bh_text *x, const char *key)
{
	bh_text_put(x, x->line[x->n - 1] == '{' ? "\"" : ",\"");
	bh_text_put(x, key);
	bh_text_put(x, "\":");
}

static void put_text(struct bh_text *x, const char *key, const char *value)
{
	put_key(x, key);
	bh_text_quote(x, value);
}

static void put_uint(struct bh_text *x, const char *key, uint64_t value)
{
	put_key(x, key);
	bh_text_uint(x, value);
}

/* Microseconds, with three places. */
static void put_us(struct bh_text *x, const char *key, int64_t ns)
{
	uint64_t abs = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;

	put_key(x, key);
	bh_text_put(x, ns < 0 ? "-" : "");
	bh_text_uint(x, abs / 1000);
	bh_text_put(x, ".");
	bh_text_number(x, abs % 1000, 10, 3, 0);
}

static void begin(struct bh_text *x, const char *ph, const char *name, uint32_t pid, uint32_t tid)
{
	x->n = 0;
	bh_text_put(x, "{");
	put_text(x, "ph", ph);
	put_text(x, "name", name);
	put_uint(x, "pid", pid);
	put_uint(x, "tid", tid);
}

/* In its worker's row. */
static void begin_at(struct bh_text *x, const struct bh_timeline_data *t, const char *ph,
		     const char *name, const struct bh_event *e, uint64_t at_ns)
{
	begin(x, ph, name, e->service + 1u, e->slot);
	put_text(x, "cat", bh_event_name(e->kind));
	put_us(x, "ts", (int64_t)at_ns - t->r->began_ns);
}

static void begin_args(struct bh_text *x)
{
	put_key(x, "args");
	bh_text_put(x, "{");
}

static void end_args(struct bh_text *x)
{
	bh_text_put(x, "}");
}

static void end(FILE *f, struct bh_text *x)
{
	bh_text_put(x, "},");
	bh_text_print(x, f);
}

/* -- events of the recording ---------------------------------------------------------- */

static void put_task(struct bh_text *x, const struct bh_event *e)
{
	put_key(x, "task");
	bh_text_put(x, "\"");
	bh_text_hex(x, e->task);
	bh_text_put(x, "\"");
	if (e->kind == BH_EV_POLL || e->kind == BH_EV_JOB)
		put_text(x, "end", bh_event_end_name(e->b));
	else if (e->kind == BH_EV_CRASH)
		put_uint(x, "crash", e->b);
}

static void put_slice(const struct bh_timeline_data *t, FILE *f, const struct bh_event *e)
{
	const char *name = e->kind == BH_EV_POLL || e->kind == BH_EV_JOB ?
				   bh_recorder_type(t->r, e) :
				   bh_event_name(e->kind);
	struct bh_text x;

	begin_at(&x, t, "X", name, e, bh_event_start(e));
	put_us(&x, "dur", bh_event_lasts(e->kind) ? (int64_t)e->a : 1);
	if (e->kind != BH_EV_PARK) {
		begin_args(&x);
		put_task(&x, e);
		end_args(&x);
	}
	end(f, &x);
}

/* On its CPU a worker is in two rows: its own, and the CPU's. */
static void put_span(const struct bh_timeline_data *t, FILE *f, const struct bh_span *s)
{
	static const char *const cats[] = {
		[BH_SPAN_ON] = "on_cpu", [BH_SPAN_WAIT] = "cpu_wait", [BH_SPAN_AWAY] = "off_cpu"
	};
	const struct bh_event *e = s->event;
	bool known = e->type != BH_EVENT_NO_TYPE;
	char name[160], row[32];
	struct bh_text x;

	bh_row_name(row, e->slot);
	for (int cpu = 0; cpu <= (s->kind == BH_SPAN_ON); cpu++) {
		if (cpu)
			snprintf(name, sizeof(name), "%.48s %s%s%.64s",
				 bh_recorder_service(t->r, e), row, known ? ": " : "",
				 known ? bh_recorder_type(t->r, e) : "");
		else
			bh_span_name(name, s);
		begin(&x, "X", name, cpu ? CPUS : e->service + 1u,
		      cpu ? s->cpu : (uint32_t)LINUX + e->slot);
		put_text(&x, "cat", cats[s->kind]);
		put_us(&x, "ts", (int64_t)s->from_ns - t->r->began_ns);
		put_us(&x, "dur", (int64_t)(s->to_ns - s->from_ns));
		begin_args(&x);
		if (known)
			put_text(&x, "type", bh_recorder_type(t->r, e));
		if (s->kind == BH_SPAN_ON)
			put_uint(&x, "next_pid", e->other_pid);
		end_args(&x);
		end(f, &x);
	}
}

/* The cause of a worker's death, as Linux saw it. */
static void put_death(const struct bh_timeline_data *t, FILE *f, const struct bh_event *e)
{
	struct bh_text x;

	begin(&x, "i", bh_event_name(e->kind), e->service + 1u, (uint32_t)LINUX + e->slot);
	put_text(&x, "cat", bh_event_name(e->kind));
	put_us(&x, "ts", (int64_t)e->time_ns - t->r->began_ns);
	put_text(&x, "s", "t");
	begin_args(&x);
	if (e->kind == BH_EV_SIGNAL) {
		put_uint(&x, "signal", (uint32_t)e->a);
		put_uint(&x, "sender_pid", e->other_pid);
	}
	end_args(&x);
	end(f, &x);
}

static void put_instant(const struct bh_timeline_data *t, FILE *f, const struct bh_event *e)
{
	struct bh_text x;

	begin_at(&x, t, "i", bh_event_name(e->kind), e, e->time_ns);
	put_text(&x, "s", e->kind == BH_EV_STEAL ? "t" : "p");
	begin_args(&x);
	if (e->kind == BH_EV_STEAL) {
		put_uint(&x, "tasks", e->a);
		put_uint(&x, "from", e->b);
	} else if (e->kind == BH_EV_RESTART) {
		put_uint(&x, "after_ns", e->a);
	} else {
		put_text(&x, "type", bh_recorder_type(t->r, e));
		put_task(&x, e);
	}
	end_args(&x);
	end(f, &x);
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

static void put_event(const struct bh_timeline_data *t, FILE *f, const struct bh_event *e)
{
	bool in_poll = in_a_poll(e);

	switch (e->kind) {
	case BH_EV_WOKEN: /* the spans say all that rows can show of them */
	case BH_EV_ON_CPU:
	case BH_EV_OFF_CPU:
	case BH_EV_SAMPLE:
	case BH_EV_MORE:
		break;
	case BH_EV_SIGNAL:
	case BH_EV_DIED:
	case BH_EV_OOM:
		if (e->slot < BH_SLOTS)
			put_death(t, f, e);
		break;
	case BH_EV_STEAL:
	case BH_EV_CRASH:
	case BH_EV_RESTART:
		put_instant(t, f, e);
		break;
	case BH_EV_SPAWN:
	case BH_EV_WAKE:
		if (!in_poll)
			put_slice(t, f, e);
		break;
	default:
		put_slice(t, f, e);
	}
}

static void put_arrow(const struct bh_timeline_data *t, FILE *f, size_t i, bool from)
{
	const struct bh_event *e = from ? t->arrows[i].from : t->arrows[i].to;
	struct bh_text x;

	begin(&x, from ? "s" : "f", "wake", e->service + 1u, e->slot);
	put_text(&x, "cat", "wake"); /* the two ends are told to belong together by it */
	put_us(&x, "ts", (int64_t)bh_event_start(e) - t->r->began_ns);
	put_uint(&x, "id", t->arrows_before + i + 1);
	if (!from)
		put_text(&x, "bp", "e");
	end(f, &x);
}

/* -- names: of each row once -------------------------------------------------------- */

static void put_name(FILE *f, const char *what, unsigned pid, unsigned tid, const char *name)
{
	struct bh_text x;

	begin(&x, "M", what, pid, tid);
	begin_args(&x);
	put_text(&x, "name", name);
	end_args(&x);
	end(f, &x);
}

static void put_names(const struct bh_timeline_data *t, FILE *f)
{
	static bool seen[BH_RECORDER_SERVICES][BH_ROW_KERNEL + 1];
	static bool service_seen[BH_RECORDER_SERVICES];
	char text[64], row[32];

	for (size_t i = 0; i < t->r->ready; i++) {
		const struct bh_event *e = &t->r->events[i];

		if (e->service >= BH_RECORDER_SERVICES || e->slot > BH_ROW_KERNEL ||
		    e->kind == BH_EV_MORE || seen[e->service][e->slot])
			continue;
		seen[e->service][e->slot] = true;
		if (!service_seen[e->service]) {
			snprintf(text, sizeof(text), "service %.40s", bh_recorder_service(t->r, e));
			put_name(f, "process_name", e->service + 1u, 0, text);
		}
		service_seen[e->service] = true;
		bh_row_name(row, e->slot);
		put_name(f, "thread_name", e->service + 1u, e->slot, row);
	}
}

/* The names of the rows that the Linux kernel's view adds. */
static void put_linux_names(const struct bh_timeline_data *t, FILE *f)
{
	static bool cpus, cpu_seen[BH_CPUS], seen[BH_RECORDER_SERVICES][BH_SLOTS];
	char text[64], row[32];

	if (t->n_spans && !cpus)
		put_name(f, "process_name", CPUS, 0, "CPUs");
	cpus = cpus || t->n_spans;
	for (size_t i = 0; i < t->r->ready; i++) {
		const struct bh_event *e = &t->r->events[i];

		if (e->kind < BH_EV_RUNTIME_END || e->kind == BH_EV_MORE ||
		    e->service >= BH_RECORDER_SERVICES || e->slot >= BH_SLOTS)
			continue;
		if (!seen[e->service][e->slot]) {
			bh_row_name(row, e->slot);
			snprintf(text, sizeof(text), "%s, by Linux", row);
			put_name(f, "thread_name", e->service + 1u, (uint32_t)LINUX + e->slot,
				 text);
		}
		seen[e->service][e->slot] = true;
		if (e->kind != BH_EV_OFF_CPU || e->cpu >= BH_CPUS || cpu_seen[e->cpu])
			continue;
		cpu_seen[e->cpu] = true;
		snprintf(text, sizeof(text), "CPU %u", e->cpu);
		put_name(f, "thread_name", CPUS, e->cpu, text);
	}
}

/* -- a stretch ------------------------------------------------------------------------ */

static size_t items_of(const struct bh_timeline_data *t, struct item *out)
{
	size_t n = 0;

	for (size_t i = 0; i < t->r->ready; i++)
		out[n++] = (struct item){ bh_event_start(&t->r->events[i]), i, PART_EVENT };
	for (size_t i = 0; i < t->n_spans; i++)
		out[n++] = (struct item){ t->spans[i].from_ns, i, PART_SPAN };
	for (size_t i = 0; i < t->n_arrows; i++) {
		const struct bh_arrow *a = &t->arrows[i];

		out[n++] = (struct item){ a->from->time_ns, i, PART_ARROW_FROM };
		out[n++] = (struct item){ bh_event_start(a->to), i, PART_ARROW_TO };
	}
	return n;
}

static void put_item(const struct bh_timeline_data *t, FILE *f, const struct item *i)
{
	switch (i->part) {
	case PART_EVENT:
		put_event(t, f, &t->r->events[i->idx]);
		break;
	case PART_SPAN:
		put_span(t, f, &t->spans[i->idx]);
		break;
	default:
		put_arrow(t, f, i->idx, i->part == PART_ARROW_FROM);
	}
}

bool bh_timeline_json(const struct bh_timeline_data *t, FILE *f)
{
	size_t room = t->r->ready + t->n_spans + 2 * t->n_arrows + 1;
	struct item *items = malloc(room * sizeof(*items));

	if (!items)
		return false;
	put_names(t, f);
	put_linux_names(t, f);
	size_t n = items_of(t, items);
	qsort(items, n, sizeof(*items), by_time);
	for (size_t i = 0; i < n; i++)
		put_item(t, f, &items[i]);
	free(items);
	return true;
}

void bh_timeline_json_begin(FILE *f)
{
	fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n", f);
}

/* The end of the list has no comma: one more name, of the clock. */
void bh_timeline_json_end(const struct bh_timeline_data *t, FILE *f)
{
	fprintf(f,
		"{\"ph\":\"M\",\"name\":\"trace_clock\",\"pid\":0,\"tid\":0,"
		"\"args\":{\"name\":\"CLOCK_MONOTONIC\"}}\n],"
		"\"otherData\":{\"events\":%zu,\"lost\":%" PRIu64 ",\"began_ns\":%" PRId64 "}}\n",
		t->events, t->r->lost, t->r->began_ns);
}
