/* SPDX-License-Identifier: MIT */
/* answer_status.c: the system, its services and their workers, in numbers. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ipc/arena/extent.h"
#include "tools/admind/answer/answer.h"
#include "tools/admind/counts.h"

static const char *const system_states[] = {
	[BH_SYSTEM_STARTING] = "starting",
	[BH_SYSTEM_RUNNING] = "running",
	[BH_SYSTEM_STOPPING] = "stopping",
	[BH_SYSTEM_FAILED] = "failed",
};

static const char *const proc_states[BH_PROC_STATE_COUNT] = {
	[BH_PROC_FREE] = "none",       [BH_PROC_STARTING] = "starting", [BH_PROC_UP] = "up",
	[BH_PROC_DEAD] = "recovering", [BH_PROC_BACKOFF] = "waiting",
};

static const char *const service_states[BH_PROC_STATE_COUNT] = {
	[BH_PROC_FREE] = "none",      [BH_PROC_STARTING] = "starting", [BH_PROC_UP] = "up",
	[BH_PROC_DEAD] = "resetting", [BH_PROC_BACKOFF] = "waiting",
};

static char *state_text(const char *const *names, size_t n, uint32_t state)
{
	return (char *)(uintptr_t)(state < n && names[state] ? names[state] : "unknown");
}

static const struct bh_proc *find_proc(const struct bh_board *b, enum bh_proc_kind kind,
				       uint32_t service, uint32_t slot)
{
	for (uint32_t i = 0; i < BH_BOARD_PROCS; i++) {
		const struct bh_proc *p = &b->procs[i];

		if (p->kind == (uint32_t)kind && p->service == service &&
		    (kind != BH_PROC_WORKER || p->slot == slot))
			return p;
	}
	return NULL;
}

/* The name of the type of the task that @handle names; "": the task is gone. */
static char *task_name(struct bh_answer *a, const struct bh_view *v, uint64_t handle)
{
	const struct bh_tcb *t = bh_tcb_of(v, handle);
	uint16_t type = t ? t->type : BH_TYPES;

	if (type >= BH_TYPES)
		return bh_scratch_text(&a->scratch, "", 1);
	return bh_scratch_text(&a->scratch, v->types[type].name, sizeof(v->types[type].name));
}

static void fill_poll_times(struct bh_answer *a, Bulkhead__Worker *w, const struct bh_meter *m)
{
	Bulkhead__PollTimes *to = bh_scratch_take(&a->scratch, sizeof(*to));

	bulkhead__poll_times__init(to);
	to->sum_ns = bh_ld_rlx(&m->poll_ns);
	to->buckets = bh_scratch_take(&a->scratch, BH_STATS_BUCKETS * sizeof(*to->buckets));
	for (unsigned b = 0; b < BH_STATS_BUCKETS; b++) {
		uint64_t count = bh_ld_rlx(&m->buckets[b]);

		if (!count)
			continue;
		Bulkhead__LatencyBucket *t = bh_scratch_take(&a->scratch, sizeof(*t));
		bulkhead__latency_bucket__init(t);
		t->from_ns = bh_stats_bucket_floor(b);
		t->below_ns = b + 1 < BH_STATS_BUCKETS ? bh_stats_bucket_floor(b + 1) : 0;
		t->count = count;
		to->count += count;
		to->buckets[to->n_buckets++] = t;
	}
	w->poll_times = to;
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static void fill_counters(struct bh_answer *a, Bulkhead__Worker *w, const struct bh_view *v,
			  uint32_t slot)
{
	struct bh_slot *from = &v->workers[slot];
	const struct bh_counters *c = &from->count;

	w->polls = bh_ld_rlx(&c->polls);
	w->steals = bh_ld_rlx(&c->steals);
	w->parks = bh_ld_rlx(&c->parks);
	w->spawned = bh_ld_rlx(&c->spawned);
	w->completed = bh_ld_rlx(&c->completed);
	w->canceled = bh_ld_rlx(&c->canceled);
	w->overflows = bh_ld_rlx(&c->overflows);
	w->unparks = bh_ld_rlx(&c->unparks);
	w->lifo_hits = bh_ld_rlx(&c->lifo_hits);
	w->steal_ops = bh_ld_rlx(&c->steal_ops);
	w->noop_wakes = bh_ld_rlx(&c->noop_wakes);
	w->budget_yields = bh_ld_rlx(&c->budget_yields);
	w->busy_ns = bh_meter_busy(&from->meter, now_ns());
	w->since_ns = (uint64_t)now_ns() - (uint64_t)v->a->made_ns;
	fill_poll_times(a, w, &from->meter);
	w->queued = bh_runq_len(&from->runq) + bh_ld_rlx(&from->batch.n) +
		    (bh_ld_rlx(&from->lifo) != 0);
	w->task = bh_ld_rlx(&from->current);
	w->task_name = task_name(a, v, w->task);
	if (!w->task_name[0])
		w->task = 0;
}

static char *doing_text(uint32_t letter)
{
	switch (letter) {
	case 'R':
		return (char *)(uintptr_t) "running";
	case 'S':
		return (char *)(uintptr_t) "waiting";
	case 'D':
		return (char *)(uintptr_t) "blocked";
	case 'T':
	case 't':
		return (char *)(uintptr_t) "stopped";
	default:
		return (char *)(uintptr_t) "";
	}
}

/* @name: of its service. */
static void fill_worker(struct bh_answer *a, Bulkhead__Worker *w, char *name, uint32_t service,
			uint32_t slot)
{
	const struct bh_board *board = a->system->board;
	const struct bh_board_service *b = &board->services[service];
	const struct bh_proc *p = find_proc(board, BH_PROC_WORKER, service, slot);
	const struct bh_view *v = bh_system_arena(a->system, service);

	bulkhead__worker__init(w);
	w->service = name;
	w->slot = slot;
	w->pid = b->worker_pid[slot];
	w->epoch = b->worker_epoch[slot];
	w->state = state_text(proc_states, BH_PROC_STATE_COUNT,
			      p ? bh_ld_acq(&p->state) : BH_PROC_FREE);
	w->restarts = b->worker_restarts[slot];
	w->crashes = b->worker_crashes[slot];
	w->stalled_ms = b->worker_stalled_ms[slot];
	w->doing = doing_text(b->worker_doing[slot]);
	w->hogs = b->worker_hogs[slot];
	if (v)
		fill_counters(a, w, v, slot);
}

/* The workers wanted, and the surplus workers that have not gone yet. */
static uint32_t workers_of(const struct bh_board_service *b)
{
	uint32_t n = b->workers < BH_MAX_WORKERS ? b->workers : BH_MAX_WORKERS;

	while (n > b->workers_wanted && !b->worker_pid[n - 1])
		n--;
	return n;
}

static void add_limit(struct bh_answer *a, Bulkhead__Service *s, const char *name,
		      const struct bh_pool_view *p, uint64_t used)
{
	Bulkhead__Limit *l = bh_scratch_take(&a->scratch, sizeof(*l));

	bulkhead__limit__init(l);
	l->name = bh_scratch_text(&a->scratch, name, strlen(name) + 1);
	l->limit = p->capacity - 1;
	l->used = used;
	l->most = bh_counts_most(p);
	s->limits[s->n_limits++] = l;
}

/* What is charged is what blocks in use needed at most, and not all the time: another size
 * may have had it before. */
static void add_memory(struct bh_answer *a, Bulkhead__Service *s, const struct bh_view *v,
		       uint64_t used)
{
	Bulkhead__Limit *l = bh_scratch_take(&a->scratch, sizeof(*l));

	bulkhead__limit__init(l);
	l->name = bh_scratch_text(&a->scratch, "memory", sizeof("memory"));
	l->limit = bh_extent_limit(v);
	l->used = used;
	l->most = bh_extent_bytes(v);
	s->limits[s->n_limits++] = l;
}

/* The limits of tasks and sockets, and of each block size that was ever used. */
static void fill_limits(struct bh_answer *a, Bulkhead__Service *s, const struct bh_view *v,
			const struct bh_counts *c)
{
	char name[24];

	s->limits = bh_scratch_take(&a->scratch, (3 + BH_CLASSES) * sizeof(*s->limits));
	add_limit(a, s, "tasks", &v->task_pool, c->live);
	add_limit(a, s, "io", &v->io_pool, c->ios);
	add_memory(a, s, v, c->block_bytes);
	for (uint32_t k = 0; k < BH_CLASSES; k++) {
		uint64_t bytes = bh_class_bytes(k);

		if (!bh_counts_most(&v->block_pool[k]))
			continue;
		snprintf(name, sizeof(name), "%s-%u%s",
			 k == BH_WORK_CLASS   ? "work" :
			 k >= BH_DATA_CLASSES ? "stacks" :
						"memory",
			 (unsigned)(bytes < 1024    ? bytes :
				    bytes < 1 << 20 ? bytes >> 10 :
						      bytes >> 20),
			 bytes < 1024    ? "" :
			 bytes < 1 << 20 ? "K" :
					   "M");
		add_limit(a, s, name, &v->block_pool[k], c->of_class[k]);
	}
}

static void fill_counts(struct bh_answer *a, Bulkhead__Service *s, const struct bh_view *v)
{
	struct bh_counts c;

	if (!v)
		return;
	bh_counts_read(&c, v);
	fill_limits(a, s, v, &c);
	s->tasks->live = c.live;
	s->tasks->spawned = c.spawned;
	s->tasks->completed = c.completed;
	s->tasks->crashed = c.crashed;
	s->tasks->canceled = c.canceled;
	s->io_open = (uint32_t)c.ios;
	s->memory_blocks = (uint32_t)c.blocks;
	s->memory_bytes = c.block_bytes;
	s->quarantined = bh_counts_quarantined(v);
	s->refused = bh_ld_rlx(&v->a->refused);
	s->queued = bh_inject_len(&v->inject);
	s->timers = bh_ld_rlx(&v->a->timers);
}

static void fill_blocking(struct bh_answer *a, Bulkhead__Service *s, uint32_t service)
{
	const struct bh_board_service *b = &a->system->board->services[service];
	const struct bh_view *v = bh_system_arena(a->system, service);

	s->blocking = bh_scratch_take(&a->scratch, sizeof(*s->blocking));
	bulkhead__blocking__init(s->blocking);
	for (uint32_t slot = BH_MAX_WORKERS; slot < BH_SLOTS; slot++) {
		s->blocking->processes += b->worker_pid[slot] > 0;
		s->blocking->crashes += b->worker_crashes[slot];
	}
	if (!v)
		return;
	s->blocking->max = v->l.blocking;
	s->blocking->waiting = bh_inject_len(&v->blocking);
	for (uint32_t i = 0; i < BH_MAX_BLOCKING / 64; i++)
		s->blocking->idle +=
			(uint32_t)__builtin_popcountll(bh_ld_rlx(&v->a->blocking.parked[i]));
	for (uint32_t slot = bh_slot_after(v, v->l.workers - 1); slot < BH_SLOTS;
	     slot = bh_slot_after(v, slot)) {
		const struct bh_counters *c = &v->workers[slot].count;

		s->blocking->done += bh_ld_rlx(&c->completed) + bh_ld_rlx(&c->canceled);
	}
}

static void fill_descriptors(struct bh_answer *a, Bulkhead__Service *s, const struct bh_view *v)
{
	if (!v)
		return;
	const struct bh_files *f = &v->a->files;
	uint32_t mark = bh_ld_acq(&f->mark);

	s->descriptors = bh_scratch_take(&a->scratch, sizeof(*s->descriptors));
	bulkhead__descriptors__init(s->descriptors);
	s->descriptors->limit = bh_ld_rlx(&f->limit);
	s->descriptors->sockets = s->io_open;
	s->descriptors->closed = bh_ld_rlx(&f->closed);
	s->descriptors->refused = bh_ld_rlx(&f->refused);
	for (uint32_t i = 0; i < mark && i < v->l.files; i++)
		s->descriptors->files += bh_ld_rlx(&v->files[i].by) != 0;
}

static void fill_listen(struct bh_answer *a, Bulkhead__Service *s, const struct bh_board_service *b)
{
	s->n_listen = b->n_listen < BH_PLAN_LISTEN ? b->n_listen : BH_PLAN_LISTEN;
	s->listen = bh_scratch_take(&a->scratch, s->n_listen * sizeof(*s->listen));
	for (size_t i = 0; i < s->n_listen; i++)
		s->listen[i] = bh_scratch_text(&a->scratch, b->listen[i], sizeof(b->listen[i]));
}

/* Until service @i is started again; 1 at least. */
static int64_t until_ms(const struct bh_board *b, uint32_t i)
{
	const struct bh_proc *z = find_proc(b, BH_PROC_ZYGOTE, i, 0);
	int64_t left = z ? z->start_at_ns - now_ns() : 0;

	return left > 1000000 ? left / 1000000 : 1;
}

static void fill_service(struct bh_answer *a, Bulkhead__Service *s, uint32_t i)
{
	const struct bh_board_service *b = &a->system->board->services[i];
	const struct bh_proc *zygote = find_proc(a->system->board, BH_PROC_ZYGOTE, i, 0);

	bulkhead__service__init(s);
	s->name = bh_scratch_text(&a->scratch, b->name, sizeof(b->name));
	s->state = state_text(service_states, BH_PROC_STATE_COUNT, b->state);
	s->resets = b->resets;
	s->last_reset = bh_scratch_text(&a->scratch, b->last_reset, sizeof(b->last_reset));
	s->since_ms = (now_ns() - b->since_ns) / 1000000;
	s->start_failures = b->start_failures;
	s->start_error = bh_scratch_text(&a->scratch, b->start_error, sizeof(b->start_error));
	if (b->state == BH_PROC_BACKOFF)
		s->next_start_ms = until_ms(a->system->board, i);
	s->main_ended = b->main_ended;
	s->main_value = b->main_value;
	s->zygote_restarts = b->zygote_restarts;
	s->zygote_pid = zygote ? zygote->pid : 0;
	s->n_workers = workers_of(b);
	s->workers = bh_scratch_list(&a->scratch, s->n_workers, sizeof(**s->workers));
	for (uint32_t w = 0; w < s->n_workers; w++)
		fill_worker(a, s->workers[w], s->name, i, w);
	s->tasks = bh_scratch_take(&a->scratch, sizeof(*s->tasks));
	bulkhead__task_counts__init(s->tasks);
	fill_counts(a, s, bh_system_arena(a->system, i));
	s->memory_held = bh_system_held(a->system, i);
	fill_descriptors(a, s, bh_system_arena(a->system, i));
	fill_blocking(a, s, i);
	fill_listen(a, s, b);
}

void bh_answer_status(struct bh_answer *a)
{
	const struct bh_board *b = a->system->board;
	Bulkhead__Status *s = bh_scratch_take(&a->scratch, sizeof(*s));

	bulkhead__status__init(s);
	s->version = bh_scratch_text(&a->scratch, b->version, sizeof(b->version));
	s->pid = b->guardian_pid;
	s->state = state_text(system_states, sizeof(system_states) / sizeof(system_states[0]),
			      bh_ld_acq(&b->system_state));
	s->uptime_ms = (now_ns() - b->started_ns) / 1000000;
	s->admin = bh_scratch_text(&a->scratch, b->admin_url, sizeof(b->admin_url));
	s->kernel = bh_scratch_take(&a->scratch, sizeof(*s->kernel));
	bulkhead__kernel__init(s->kernel);
	s->kernel->pid = b->kernel_pid;
	s->kernel->restarts = b->kernel_restarts;
	s->kernel->turns = b->turns;
	s->n_services = bh_system_services(a->system);
	s->services = bh_scratch_list(&a->scratch, s->n_services, sizeof(**s->services));
	for (uint32_t i = 0; i < s->n_services; i++)
		fill_service(a, s->services[i], i);
	a->reply.answer_case = BULKHEAD__REPLY__ANSWER_STATUS;
	a->reply.status = s;
}

void bh_answer_workers(struct bh_answer *a)
{
	const char *name = a->request->workers->service;
	const struct bh_board *b = a->system->board;
	Bulkhead__Workers *all = bh_scratch_take(&a->scratch, sizeof(*all));
	uint32_t n = bh_system_services(a->system);

	if (!bh_answer_known(a, name))
		return;
	bulkhead__workers__init(all);
	all->workers =
		bh_scratch_list(&a->scratch, (size_t)n * BH_MAX_WORKERS, sizeof(**all->workers));
	for (uint32_t i = 0; i < n; i++) {
		char *service = bh_scratch_text(&a->scratch, b->services[i].name,
						sizeof(b->services[i].name));

		for (uint32_t w = 0;
		     bh_answer_wanted(a, name, i) && w < workers_of(&b->services[i]); w++)
			fill_worker(a, all->workers[all->n_workers++], service, i, w);
	}
	a->reply.answer_case = BULKHEAD__REPLY__ANSWER_WORKERS;
	a->reply.workers = all;
}
