/* SPDX-License-Identifier: MIT */
/* crash.c: crash records on the board, and the line each of them is worth. */
#include "kernel/failure/crash.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/text.h"
#include "kernel/process/table.h"

enum {
	MEMORY = 8, /* over so many crashes their cost is averaged */
};

static struct bh_board_crash *record_of(struct bh_kernel *k, uint64_t id)
{
	return &k->board->crash[id % BH_BOARD_CRASHES];
}

static int64_t wall_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * BH_NS_PER_S + ts.tv_nsec;
}

static void fill_words(struct bh_board_crash *c, const struct bh_last_words *w)
{
	c->stack_overflow = w->stack_overflow != 0;
	c->address = w->address;
	c->instruction = w->ip;
	c->stack_pointer = w->sp;
	c->n_frames = w->n_frames < 16 ? w->n_frames : 16;
	memcpy(c->frames, w->frames, sizeof(c->frames));
}

uint64_t bh_crash_recorded(const struct bh_child *c)
{
	const struct bh_proc *p = c->p;
	const struct bh_board_crash *r = record_of(c->k, p->crash_id);

	return p->crash_id && r->id == p->crash_id && r->pid == p->pid && r->time_ns == p->died_ns ?
		       p->crash_id :
		       0;
}

/* The record is the commit, and the counts follow from it. It says what they come to, so
 * a kernel may be killed before, between or after these stores: its successor does them
 * again, for the newest record, before it writes another one. */
void bh_crash_count(struct bh_child *c)
{
	uint64_t id = bh_crash_recorded(c);
	const struct bh_board_crash *r = record_of(c->k, id);

	if (!id || id < bh_ld_acq(&c->k->board->crashes))
		return;
	if (r->task)
		bh_st_rlx(&c->s->v.types[r->task_type % BH_TYPES].crashes, r->type_crashes);
	c->s->board->worker_crashes[c->slot] = r->worker_crashes;
}

uint64_t bh_crash_record(struct bh_child *c, const struct bh_crash_facts *f)
{
	struct bh_kernel *k = c->k;
	struct bh_proc *p = c->p;
	uint64_t id = bh_ld_acq(&k->board->crashes), done = bh_crash_recorded(c);

	/* A predecessor may have come as far as this for the same death. */
	if (done) {
		if (id < done)
			bh_st_rel(&k->board->crashes, done);
		return done;
	}
	struct bh_board_crash *r = record_of(k, ++id);
	uint32_t seq = bh_ld_rlx(&r->seq) | 1u;
	bh_st_rlx(&r->seq, seq);
	bh_fence(); /* a reader that sees what follows sees that it is being written */
	r->service = f->service;
	r->id = id;
	r->time_ns = p->died_ns;
	r->wall_ns = wall_ns();
	r->kind = p->kind;
	r->worker = f->worker;
	r->pid = p->pid;
	r->signal = bh_crash_signal(f);
	r->exit_code = f->status_known && WIFEXITED(f->status) ? WEXITSTATUS(f->status) : 0;
	r->oom = f->oom;
	r->hung = f->hung;
	r->stack_overflow = r->n_frames = 0;
	r->address = r->instruction = r->stack_pointer = 0;
	memset(r->frames, 0, sizeof(r->frames));
	if (f->words)
		fill_words(r, f->words);
	r->task = f->task;
	r->crash_key = f->key;
	memcpy(r->task_name, f->task_name, sizeof(r->task_name));
	r->task_type = f->type;
	r->type_crashes = (uint32_t)f->type_crashes;
	r->worker_crashes = f->worker_crashes;
	r->restart_us = 0;
	bh_st_rel(&r->seq, seq + 1);
	p->crash_id = id;
	bh_st_rel(&k->board->crashes, id);
	return id;
}

static void where_text(const struct bh_kernel *k, const struct bh_board_crash *c, char *out,
		       size_t size)
{
	const char *kind = k->kinds[c->kind % BH_PROC_KIND_COUNT].name;

	if (c->service < k->plan->n_services && c->worker < BH_SLOTS)
		snprintf(out, size, "service %s: %s %u", k->plan->services[c->service].name, kind,
			 c->worker < BH_MAX_WORKERS ? c->worker : c->worker - BH_MAX_WORKERS);
	else if (c->service < k->plan->n_services)
		snprintf(out, size, "service %s: the %s", k->plan->services[c->service].name, kind);
	else
		snprintf(out, size, "the %s", kind);
}

static void tell(const struct bh_kernel *k, const struct bh_board_crash *c)
{
	char where[80], how[40], at[40] = "", task[64] = "";

	where_text(k, c, where, sizeof(where));
	bh_death_text(c->signal ? c->signal & 0x7f : (c->exit_code & 0xff) << 8, how);
	if (c->hung)
		snprintf(at, sizeof(at), " (it did not turn)");
	else if (c->oom)
		snprintf(at, sizeof(at), " (out of memory)");
	else if (c->stack_overflow)
		snprintf(at, sizeof(at), " (stack overflow)");
	else if (c->instruction && c->signal != SIGABRT)
		snprintf(at, sizeof(at), " at 0x%llx", (unsigned long long)c->address);
	if (c->task)
		snprintf(task, sizeof(task), " in task %.40s", c->task_name);
	bh_log("%s (pid %d) %s%s%s; replaced in %u us", where, c->pid, how, at, task,
	       c->restart_us);
}

/* A worker that crashed was back after so long. */
static void add_cost(struct bh_ksvc *s, uint32_t us)
{
	int64_t before = s->crash_us ? s->crash_us : BH_CRASH_COST_US;

	s->crash_us = before + ((int64_t)us - before) / MEMORY;
}

void bh_crash_replaced(struct bh_child *c, int64_t ready_ns)
{
	struct bh_kernel *k = c->k;
	uint64_t id = c->p->crash_id;
	struct bh_board_crash *r = record_of(k, id);

	c->p->crash_id = 0;
	if (!id || r->id != id)
		return;
	/* The worker says when it was ready: not before its predecessor died, and
	 * not in the future. */
	int64_t now = bh_clock_ns(), us = ((ready_ns < now ? ready_ns : now) - r->time_ns) / 1000;
	us = us < 1 ? 1 : us > UINT32_MAX ? UINT32_MAX : us;

	uint32_t seq = bh_ld_rlx(&r->seq) | 1u;
	bh_st_rlx(&r->seq, seq);
	bh_fence();
	r->restart_us = (uint32_t)us;
	bh_st_rel(&r->seq, seq + 1);
	if (c->s && r->kind == BH_PROC_WORKER)
		add_cost(c->s, (uint32_t)us);
	if (c->s && c->s->mapped) {
		struct bh_arena_crash *a = &c->s->v.a->crash[id % BH_ARENA_CRASHES];

		if (bh_ld_acq(&a->id) == id)
			bh_st_rel(&a->restart_us, (uint32_t)us);
	}
	tell(k, r);
}
