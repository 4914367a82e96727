/* SPDX-License-Identifier: MIT */
#include "tools/bhctl/top/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bhctl/show/table.h"
#include "tools/bhctl/top/diff.h"

/* Columns are filled by their place in these lists. */
static const struct bh_top_column service_columns[] = {
	{ "SERVICE", 12, 0, BH_TOP_WORD },   { "STATE", 9, 2, BH_TOP_WORD },
	{ "WORKERS", 8, 5, BH_TOP_NUMBER },  { "BUSY", 5, 1, BH_TOP_NUMBER },
	{ "TASKS", 7, 3, BH_TOP_NUMBER },    { "SPAWN/S", 8, 6, BH_TOP_NUMBER },
	{ "POLLS/S", 8, 7, BH_TOP_NUMBER },  { "QUEUED", 7, 8, BH_TOP_NUMBER },
	{ "CRASHES", 8, 4, BH_TOP_NUMBER },  { "JOBS", 6, 9, BH_TOP_NUMBER },
	{ "MEMORY", 10, 10, BH_TOP_NUMBER },
};

static const struct bh_top_column worker_columns[] = {
	{ "WORKER", 12, 0, BH_TOP_WORD },   { "#busy +wait .park", 18, 1, BH_TOP_BAR },
	{ "BUSY", 5, 2, BH_TOP_NUMBER },    { "WAIT", 5, 4, BH_TOP_NUMBER },
	{ "POLLS/S", 8, 6, BH_TOP_NUMBER }, { "POLL99", 8, 5, BH_TOP_NUMBER },
	{ "CPU99", 8, 7, BH_TOP_NUMBER },   { "QUEUED", 7, 8, BH_TOP_NUMBER },
	{ "CRASHES", 8, 9, BH_TOP_NUMBER }, { "PID", 8, 10, BH_TOP_NUMBER },
	{ "RUNS", 9, 3, BH_TOP_WORD },
};

static const struct bh_top_column type_columns[] = {
	{ "TASK TYPE", 20, 0, BH_TOP_WORD },  { "SERVICE", 12, 4, BH_TOP_WORD },
	{ "SHARE", 6, 1, BH_TOP_NUMBER },     { "LIVE", 7, 2, BH_TOP_NUMBER },
	{ "CPU99", 8, 5, BH_TOP_NUMBER },     { "CRASHES", 8, 3, BH_TOP_NUMBER },
	{ "QUARANTINE", 12, 6, BH_TOP_WORD },
};

static const struct bh_top_column crash_columns[] = {
	{ "CRASH", 6, 4, BH_TOP_NUMBER },  { "TIME", 8, 0, BH_TOP_NUMBER },
	{ "SERVICE", 12, 3, BH_TOP_WORD }, { "PROCESS", 11, 5, BH_TOP_WORD },
	{ "DIED OF", 17, 1, BH_TOP_WORD }, { "BACK", 8, 6, BH_TOP_NUMBER },
	{ "TASK", 12, 2, BH_TOP_WORD },
};

#define TABLE(label, list, by)                                    \
	{                                                         \
		.name = (label), .columns = (list), .sort = (by), \
		.n_columns = sizeof(list) / sizeof((list)[0]),    \
	}

void bh_top_init(struct bh_top_model *t)
{
	*t = (struct bh_top_model){ .table = {
					    [BH_TOP_SERVICES] =
						    TABLE("services", service_columns, 0),
					    [BH_TOP_WORKERS] = TABLE("workers", worker_columns, 0),
					    [BH_TOP_TYPES] = TABLE("task types", type_columns, 2),
					    [BH_TOP_CRASHES] = TABLE("crashes", crash_columns, 0),
				    } };
	t->table[BH_TOP_SERVICES].up = t->table[BH_TOP_WORKERS].up = true;
}

static void drop(Bulkhead__Reply *r)
{
	if (r)
		bulkhead__reply__free_unpacked(r, NULL);
}

static void forget(struct bh_top_pair *p)
{
	drop(p->before);
	drop(p->now);
	*p = (struct bh_top_pair){ 0 };
}

static void free_hits(struct bh_top_hits *h)
{
	free(h->service);
	free(h->name);
}

static void forget_hits(struct bh_top_model *t)
{
	for (size_t i = 0; i < t->n_hits; i++)
		free_hits(&t->hits[i]);
	free(t->hits);
	t->hits = NULL;
	t->n_hits = 0;
	memset(t->samples, 0, sizeof(t->samples));
}

void bh_top_fini(struct bh_top_model *t)
{
	forget(&t->status);
	forget(&t->latency);
	forget_hits(t);
	for (size_t i = 0; i < BH_TOP_TABLES; i++)
		free(t->table[i].rows);
}

static void push(struct bh_top_pair *p, Bulkhead__Reply *r, int64_t now_ns)
{
	drop(p->before);
	p->before = p->now;
	p->now = r;
	p->seconds = (double)(now_ns - p->now_ns) / 1e9;
	p->now_ns = now_ns;
}

static void number(struct bh_top_row *r, size_t column, double n)
{
	if (n < 10 && n != (double)(uint64_t)n)
		bh_top_cell(r, column, n, "%.1f", n);
	else if (n < 100000)
		bh_top_cell(r, column, n, "%.0f", n);
	else
		bh_top_cell(r, column, n, "%.*f%c", n < 1e7 ? 0 : 1, n < 1e7 ? n / 1e3 : n / 1e6,
			    n < 1e7 ? 'k' : 'M');
}

static void percent(struct bh_top_row *r, size_t column, double part)
{
	bh_top_cell(r, column, part, "%.0f%%", part * 100);
}

static void span(struct bh_top_row *r, size_t column, uint64_t ns)
{
	char text[24] = "-";

	if (ns)
		bh_text_us(text, (double)ns / 1e3);
	bh_top_cell(r, column, (double)ns, "%s", text);
}

static void word(struct bh_top_row *r, size_t column, const char *text)
{
	bh_top_cell(r, column, 0, "%s", text);
}

/* A text: what the worker does, or why it does nothing. */
static void put_runs(struct bh_top_row *r, const Bulkhead__Worker *w)
{
	r->alarm = w->stalled_ms || strcmp(w->state, "up");
	if (strcmp(w->state, "up"))
		word(r, 10, w->state);
	else if (w->stalled_ms)
		bh_top_cell(r, 10, 0, "%s, stuck %.1f s", w->task_name,
			    (double)w->stalled_ms / 1e3);
	else
		word(r, 10, w->task_name);
}

/* A worker that is preempted in a poll goes on being busy to itself; here it waits.
 * Returns how busy it was. */
static double add_worker(struct bh_top_model *t, const char *service, const Bulkhead__Worker *w,
			 const struct bh_top_work *work)
{
	struct bh_top_row *r = bh_top_row_add(&t->table[BH_TOP_WORKERS]);
	struct bh_top_waits waits;

	bh_top_worker_waits(&waits, &t->latency, service, w->slot);
	double busy = work->busy > waits.preempted ? work->busy - waits.preempted : 0;
	if (!r)
		return busy;
	r->busy = busy;
	r->waits = waits.waits < 0 ? 0 : waits.waits + waits.preempted;
	if (r->waits > 1 - r->busy)
		r->waits = 1 - r->busy;
	/* Slots beyond nine keep their order among words. */
	bh_top_cell(r, 0, 0, "%s %2u", service, w->slot);
	bh_top_cell(r, 1, r->busy + r->waits, "%s", "");
	percent(r, 2, r->busy);
	if (waits.waits < 0)
		bh_top_cell(r, 3, -1, "?");
	else
		percent(r, 3, r->waits);
	number(r, 4, work->seconds > 0 ? (double)work->polls / work->seconds : 0);
	span(r, 5, work->poll_ns);
	span(r, 6, waits.p99_ns);
	number(r, 7, w->queued);
	number(r, 8, (double)w->crashes);
	bh_top_cell(r, 9, w->pid, "%d", w->pid);
	put_runs(r, w);
	return busy;
}

static const Bulkhead__Worker *worker_of(const Bulkhead__Service *s, uint32_t slot)
{
	for (size_t i = 0; s && i < s->n_workers; i++)
		if (s->workers[i]->slot == slot)
			return s->workers[i];
	return NULL;
}

static void add_service(struct bh_top_model *t, const Bulkhead__Service *s,
			const Bulkhead__Service *b)
{
	struct bh_top_row *r = bh_top_row_add(&t->table[BH_TOP_SERVICES]);
	uint64_t spawned = b && b->tasks ? b->tasks->spawned : 0, queued = s->queued;
	double busy = 0, polls = 0, seconds = 0;
	unsigned up = 0;
	char bytes[24];

	for (size_t i = 0; i < s->n_workers; i++) {
		const Bulkhead__Worker *w = s->workers[i];
		struct bh_top_work work;

		bh_top_work_between(&work, w, worker_of(b, w->slot));
		busy += add_worker(t, s->name, w, &work) / (double)s->n_workers;
		up += !strcmp(w->state, "up");
		queued += w->queued;
		seconds = work.seconds;
		polls += seconds > 0 ? (double)work.polls / seconds : 0;
	}
	if (!r)
		return;
	r->alarm = strcmp(s->state, "up") != 0;
	word(r, 0, s->name);
	word(r, 1, s->state);
	bh_top_cell(r, 2, (double)s->n_workers, "%u/%zu", up, s->n_workers);
	percent(r, 3, busy);
	number(r, 4, s->tasks ? (double)s->tasks->live : 0);
	number(r, 5,
	       s->tasks && seconds > 0 ?
		       (double)bh_top_since(s->tasks->spawned, spawned) / seconds :
		       0);
	number(r, 6, polls);
	number(r, 7, (double)queued);
	number(r, 8, s->tasks ? (double)s->tasks->crashed : 0);
	number(r, 9, s->blocking ? s->blocking->processes - s->blocking->idle : 0);
	bh_text_bytes(bytes, s->memory_bytes);
	bh_top_cell(r, 10, (double)s->memory_bytes, "%s", bytes);
}

static void take_status(struct bh_top_model *t, Bulkhead__Reply *r, int64_t now_ns)
{
	const Bulkhead__Status *was = t->status.now ? t->status.now->status : NULL;

	if (!was || was->pid != r->status->pid || was->uptime_ms > r->status->uptime_ms) {
		/* At first they are of this system already. */
		if (was)
			forget(&t->latency);
		forget(&t->status);
		forget_hits(t);
		t->table[BH_TOP_CRASHES].n = 0;
		t->systems++;
	}
	push(&t->status, r, now_ns);
	t->table[BH_TOP_SERVICES].n = t->table[BH_TOP_WORKERS].n = 0;
	for (size_t i = 0; i < r->status->n_services; i++) {
		const Bulkhead__Service *s = r->status->services[i];

		add_service(t, s,
			    t->status.before ? bh_top_service(t->status.before->status, s->name) :
					       NULL);
	}
	bh_top_sort(&t->table[BH_TOP_SERVICES]);
	bh_top_sort(&t->table[BH_TOP_WORKERS]);
}

static struct bh_top_hits *find_hits(const struct bh_top_model *t, const char *service,
				     const char *name)
{
	for (size_t i = 0; i < t->n_hits; i++)
		if (!strcmp(t->hits[i].name, name) && !strcmp(t->hits[i].service, service))
			return &t->hits[i];
	return NULL;
}

/* The entry of the type; added if it is new. NULL: no room. */
static struct bh_top_hits *hits_of(struct bh_top_model *t, const char *service, const char *name)
{
	struct bh_top_hits *h = find_hits(t, service, name);

	if (h || t->n_hits == BH_TOP_NAMES)
		return h;
	h = realloc(t->hits, (t->n_hits + 1) * sizeof(*h));
	if (!h)
		return NULL;
	t->hits = h;
	h += t->n_hits;
	*h = (struct bh_top_hits){ .service = strdup(service), .name = strdup(name) };
	if (h->service && h->name) {
		t->n_hits++;
		return h;
	}
	free_hits(h);
	return NULL;
}

static void take_sample(struct bh_top_model *t, const Bulkhead__Workers *all)
{
	t->samples[t->round]++;
	for (size_t i = 0; i < all->n_workers; i++) {
		const Bulkhead__Worker *w = all->workers[i];
		struct bh_top_hits *h =
			w->task_name[0] ? hits_of(t, w->service, w->task_name) : NULL;

		if (h)
			h->hits[t->round]++;
	}
}

static bool is_seen(const struct bh_top_hits *h)
{
	unsigned hits = 0;

	for (unsigned i = 0; i < BH_TOP_WINDOW; i++)
		hits |= h->hits[i];
	return hits != 0;
}

/* The oldest round makes room; types that were seen in no other are forgotten: their
 * names are the services' to choose, as many as they like. */
static void next_round(struct bh_top_model *t)
{
	size_t n = 0;

	t->round = (t->round + 1) % BH_TOP_WINDOW;
	t->samples[t->round] = 0;
	for (size_t i = 0; i < t->n_hits; i++) {
		struct bh_top_hits *h = &t->hits[i];

		h->hits[t->round] = 0;
		if (is_seen(h))
			t->hits[n++] = *h;
		else
			free_hits(h);
	}
	t->n_hits = n;
}

/* How many workers a type had, on average. */
static double share(const struct bh_top_model *t, const Bulkhead__TaskType *y)
{
	const struct bh_top_hits *h = find_hits(t, y->service, y->name);
	unsigned samples = 0, hits = 0;

	for (unsigned i = 0; i < BH_TOP_WINDOW; i++) {
		samples += t->samples[i];
		hits += h ? h->hits[i] : 0;
	}
	return samples ? (double)hits / samples : 0;
}

static void take_tasks(struct bh_top_model *t, const Bulkhead__Tasks *all)
{
	struct bh_top_table *types = &t->table[BH_TOP_TYPES];

	types->n = 0;
	for (size_t i = 0; i < all->n_types; i++) {
		const Bulkhead__TaskType *y = all->types[i];
		struct bh_top_row *r = bh_top_row_add(types);
		struct bh_top_waits waits;

		if (!r)
			break;
		bh_top_type_waits(&waits, &t->latency, y->service, y->name);
		r->alarm = y->quarantined;
		word(r, 0, y->name);
		word(r, 1, y->service);
		percent(r, 2, share(t, y));
		number(r, 3, (double)y->live);
		span(r, 4, waits.p99_ns);
		number(r, 5, (double)y->crashes);
		word(r, 6, y->quarantine);
	}
	bh_top_sort(types);
	next_round(t);
}

static void take_crashes(struct bh_top_model *t, const Bulkhead__Crashes *all)
{
	struct bh_top_table *crashes = &t->table[BH_TOP_CRASHES];

	crashes->n = 0;
	for (size_t i = 0; i < all->n_crashes; i++) {
		const Bulkhead__Crash *c = all->crashes[i];
		struct bh_top_row *r = bh_top_row_add(crashes);
		char time[40], death[24];

		if (!r)
			break;
		bh_text_time(time, c->wall_ns, 0);
		bh_text_death(death, c->signal, c->exit_code);
		bh_top_cell(r, 0, (double)c->id, "%llu", (unsigned long long)c->id);
		bh_top_cell(r, 1, (double)c->wall_ns, "%.8s", time + 11);
		word(r, 2, c->service[0] ? c->service : "-");
		if (c->worker >= 0)
			bh_top_cell(r, 3, 0, "%s %d", c->process, c->worker);
		else
			word(r, 3, c->process);
		bh_top_cell(r, 4, 0, "%s%s", death,
			    c->stack_overflow ? " (stack)" :
			    c->hung           ? " (hung)" :
			    c->out_of_memory  ? " (memory)" :
						"");
		span(r, 5, c->restart_us * 1000ull);
		word(r, 6, c->task_name[0] ? c->task_name : "-");
	}
	bh_top_sort(crashes);
}

void bh_top_take(struct bh_top_model *t, enum bh_top_ask ask, Bulkhead__Reply *r, int64_t now_ns)
{
	if (ask == BH_TOP_ASK_LATENCY) {
		snprintf(t->no_waits, sizeof(t->no_waits), "%s", r->error ? r->error->text : "");
		if (r->error)
			forget(&t->latency);
	}
	if (ask == BH_TOP_ASK_LATENCY && r->answer_case == BULKHEAD__REPLY__ANSWER_TRACE_LATENCY) {
		push(&t->latency, r, now_ns);
		return;
	}
	if (ask == BH_TOP_ASK_STATUS && r->answer_case == BULKHEAD__REPLY__ANSWER_STATUS) {
		take_status(t, r, now_ns);
		return;
	}
	if (ask == BH_TOP_ASK_CRASHES && r->answer_case == BULKHEAD__REPLY__ANSWER_CRASHES)
		take_crashes(t, r->crashes);
	else if (ask == BH_TOP_ASK_TASKS && r->answer_case == BULKHEAD__REPLY__ANSWER_TASKS)
		take_tasks(t, r->tasks);
	else if (ask == BH_TOP_ASK_WORKERS && r->answer_case == BULKHEAD__REPLY__ANSWER_WORKERS)
		take_sample(t, r->workers);
	drop(r);
}
