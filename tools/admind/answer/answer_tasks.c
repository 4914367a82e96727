/* SPDX-License-Identifier: MIT */
/* answer_tasks.c: the tasks of all services, and how many there are of each type. */
#include <string.h>
#include <time.h>

#include "tools/admind/answer/answer.h"
#include "tools/admind/counts.h"

enum {
	DEFAULT_TASKS = 100,
	MAX_TASKS = 10000,
};

static const char *const waits[] = {
	[BH_WAIT_NONE] = "",       [BH_WAIT_SLEEP] = "sleep",     [BH_WAIT_JOIN] = "join",
	[BH_WAIT_IO] = "I/O",      [BH_WAIT_SUSPEND] = "suspend", [BH_WAIT_CHILDREN] = "children",
	[BH_WAIT_TOKEN] = "token", [BH_WAIT_SYNC] = "lock",       [BH_WAIT_HELD] = "",
};

static char *word(const char *text)
{
	return (char *)(uintptr_t)text;
}

static char *wait_text(uint8_t wait)
{
	return word(wait < sizeof(waits) / sizeof(waits[0]) ? waits[wait] : "unknown");
}

bool bh_answer_task(struct bh_answer *a, Bulkhead__Task *to, const struct bh_view *v, uint32_t i,
		    uint64_t w, int64_t now_ns)
{
	int64_t now_ms = (int64_t)((uint64_t)now_ns - (uint64_t)v->a->made_ns) / 1000000;
	const struct bh_tcb *t = &v->tasks[i];
	uint16_t type = t->type;

	bulkhead__task__init(to);
	to->task = bh_handle(bh_state_gen(w), i);
	to->name = type < BH_TYPES ? bh_scratch_text(&a->scratch, v->types[type].name,
						     sizeof(v->types[type].name)) :
				     word("");
	to->kind = word(t->kind == BH_KIND_POLL     ? "poll" :
			t->kind == BH_KIND_BLOCKING ? "job" :
						      "fiber");
	to->state = word(bh_counts_state(w));
	to->wait = wait_text(bh_state_of(w) == BH_WAITING ? t->wait : BH_WAIT_NONE);
	to->worker = -1;
	if (bh_state_of(w) == BH_RUNNING && bh_state_worker(w) < BH_SLOTS)
		to->worker = (int32_t)bh_state_worker(w);
	to->parent = bh_ld_rlx(&t->parent);
	to->age_ms = now_ms > t->born_ms ? (uint64_t)(now_ms - t->born_ms) : 0;
	to->crashes = t->crashes;
	to->aborted = (w & BH_ABORTED) != 0;
	return bh_state_gen(bh_ld_acq(&t->state)) == bh_state_gen(w);
}

static void fill_quarantine(Bulkhead__TaskType *to, const struct bh_type *from, int64_t now_ns)
{
	uint32_t state = bh_gate_state_of(bh_ld_acq(&from->gate.word));
	int64_t until = bh_ld_rlx(&from->gate.until_ns);

	to->quarantine = word(bh_counts_gate(state));
	to->quarantined = state == BH_GATE_QUARANTINED || state == BH_GATE_TRIAL;
	if (state == BH_GATE_QUARANTINED && until > now_ns)
		to->probation_ms = (uint64_t)(until - now_ns) / 1000000;
}

static void fill_types(struct bh_answer *a, Bulkhead__Tasks *all, const struct bh_view *v,
		       char *service, const uint32_t *live, int64_t now_ns)
{
	for (uint32_t i = 0; i < BH_TYPES; i++) {
		const struct bh_type *from = &v->types[i];

		if (!bh_ld_acq(&from->key))
			continue;
		Bulkhead__TaskType *t = bh_scratch_take(&a->scratch, sizeof(*t));
		bulkhead__task_type__init(t);
		t->service = service;
		t->name = bh_scratch_text(&a->scratch, from->name, sizeof(from->name));
		t->live = live[i];
		t->crashes = bh_ld_rlx(&from->crashes);
		fill_quarantine(t, from, now_ns);
		all->types[all->n_types++] = t;
	}
}

static void fill_service(struct bh_answer *a, Bulkhead__Tasks *all, uint32_t service,
			 uint32_t limit)
{
	const struct bh_view *v = bh_system_arena(a->system, service);
	const struct bh_board_service *b = &a->system->board->services[service];
	char *name = bh_scratch_text(&a->scratch, b->name, sizeof(b->name));
	uint32_t live[BH_TYPES] = { 0 };
	struct timespec ts;

	if (!v)
		return;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	int64_t now_ns = ts.tv_sec * 1000000000ll + ts.tv_nsec;
	for (uint32_t i = 1, n = bh_counts_tasks(v); i < n; i++) {
		uint64_t w = bh_ld_acq(&v->tasks[i].state);
		uint16_t type = v->tasks[i].type;

		if (!bh_counts_alive(w) && bh_state_of(w) != BH_DONE)
			continue;
		all->found++;
		if (type < BH_TYPES)
			live[type] += bh_counts_alive(w);
		if (all->n_tasks == limit)
			continue;
		Bulkhead__Task *t = bh_scratch_take(&a->scratch, sizeof(*t));
		if (bh_answer_task(a, t, v, i, w, now_ns)) {
			t->service = name;
			all->tasks[all->n_tasks++] = t;
		}
	}
	fill_types(a, all, v, name, live, now_ns);
}

void bh_answer_tasks(struct bh_answer *a)
{
	const Bulkhead__TasksRequest *r = a->request->tasks;
	Bulkhead__Tasks *all = bh_scratch_take(&a->scratch, sizeof(*all));
	uint32_t limit = r->limit ? r->limit : DEFAULT_TASKS, n = bh_system_services(a->system);

	if (!bh_answer_known(a, r->service))
		return;
	if (limit > MAX_TASKS)
		limit = MAX_TASKS;
	bulkhead__tasks__init(all);
	all->tasks = bh_scratch_take(&a->scratch, limit * sizeof(*all->tasks));
	all->types = bh_scratch_take(&a->scratch, (size_t)n * BH_TYPES * sizeof(*all->types));
	for (uint32_t i = 0; i < n; i++)
		if (bh_answer_wanted(a, r->service, i))
			fill_service(a, all, i, limit);
	a->reply.answer_case = BULKHEAD__REPLY__ANSWER_TASKS;
	a->reply.tasks = all;
}
