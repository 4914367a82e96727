/* SPDX-License-Identifier: MIT */
/* crash.c: crash records on the board, and the line each of them is worth. */
#include "kernel/process/crash.h"

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

static const char *const kind_names[BH_PROC_KIND_COUNT] = {
	[BH_PROC_NONE] = "process",        [BH_PROC_KERNEL] = "kernel",
	[BH_PROC_ZYGOTE] = "zygote",       [BH_PROC_TWIN] = "twin",
	[BH_PROC_WORKER] = "worker",       [BH_PROC_ADMIND] = "admin server",
	[BH_PROC_TRACED] = "trace server", [BH_PROC_BLOCKING] = "blocking process",
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

uint64_t bh_crash_recorded(struct bh_kernel *k, uint32_t idx)
{
	const struct bh_proc *p = bh_proc_at(k, idx);
	const struct bh_board_crash *c = record_of(k, p->crash_id);

	return p->crash_id && c->id == p->crash_id && c->pid == p->pid && c->time_ns == p->died_ns ?
		       p->crash_id :
		       0;
}

/* The record is the commit, and the counts follow from it. It says what they come to, so
 * a kernel may be killed before, between or after these stores: its successor does them
 * again, for the newest record, before it writes another one. */
void bh_crash_count(struct bh_ksvc *s, uint32_t slot)
{
	struct bh_kernel *k = s->kernel;
	uint64_t id = bh_crash_recorded(k, bh_worker_proc(s, slot));
	const struct bh_board_crash *c = &k->board->crash[id % BH_BOARD_CRASHES];

	if (!id || id < bh_ld_acq(&k->board->crashes))
		return;
	if (c->task)
		bh_st_rlx(&s->v.types[c->task_type % BH_TYPES].crashes, c->type_crashes);
	s->board->worker_crashes[slot] = c->worker_crashes;
}

uint64_t bh_crash_record(struct bh_kernel *k, uint32_t idx, const struct bh_crash_facts *f)
{
	struct bh_proc *p = bh_proc_at(k, idx);
	uint64_t id = bh_ld_acq(&k->board->crashes), done = bh_crash_recorded(k, idx);

	/* A predecessor may have come as far as this for the same death. */
	if (done) {
		if (id < done)
			bh_st_rel(&k->board->crashes, done);
		return done;
	}
	struct bh_board_crash *c = record_of(k, ++id);
	uint32_t seq = bh_ld_rlx(&c->seq) | 1u;
	bh_st_rlx(&c->seq, seq);
	bh_fence(); /* a reader that sees what follows sees that it is being written */
	c->service = f->service;
	c->id = id;
	c->time_ns = p->died_ns;
	c->wall_ns = wall_ns();
	c->kind = p->kind;
	c->worker = f->worker;
	c->pid = p->pid;
	c->signal = bh_crash_signal(f);
	c->exit_code = f->status_known && WIFEXITED(f->status) ? WEXITSTATUS(f->status) : 0;
	c->oom = f->oom;
	c->hung = f->hung;
	c->stack_overflow = c->n_frames = 0;
	c->address = c->instruction = c->stack_pointer = 0;
	memset(c->frames, 0, sizeof(c->frames));
	if (f->words)
		fill_words(c, f->words);
	c->task = f->task;
	c->crash_key = f->key;
	memcpy(c->task_name, f->task_name, sizeof(c->task_name));
	c->task_type = f->type;
	c->type_crashes = (uint32_t)f->type_crashes;
	c->worker_crashes = f->worker_crashes;
	c->restart_us = 0;
	bh_st_rel(&c->seq, seq + 1);
	p->crash_id = id;
	bh_st_rel(&k->board->crashes, id);
	return id;
}

static void where_text(const struct bh_kernel *k, const struct bh_board_crash *c, char *out,
		       size_t size)
{
	if (c->service < k->plan->n_services && c->worker < BH_SLOTS)
		snprintf(out, size, "service %s: %s %u", k->plan->services[c->service].name,
			 kind_names[c->kind % BH_PROC_KIND_COUNT],
			 c->worker < BH_MAX_WORKERS ? c->worker : c->worker - BH_MAX_WORKERS);
	else if (c->service < k->plan->n_services)
		snprintf(out, size, "service %s: the %s", k->plan->services[c->service].name,
			 kind_names[c->kind % BH_PROC_KIND_COUNT]);
	else
		snprintf(out, size, "the %s", kind_names[c->kind % BH_PROC_KIND_COUNT]);
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

void bh_crash_replaced(struct bh_kernel *k, uint32_t idx, int64_t ready_ns)
{
	struct bh_proc *p = bh_proc_at(k, idx);
	uint64_t id = p->crash_id;
	struct bh_board_crash *c = record_of(k, id);

	p->crash_id = 0;
	if (!id || c->id != id)
		return;
	/* The worker says when it was ready: not before its predecessor died, and
	 * not in the future. */
	int64_t now = bh_clock_ns(), us = ((ready_ns < now ? ready_ns : now) - c->time_ns) / 1000;
	us = us < 1 ? 1 : us > UINT32_MAX ? UINT32_MAX : us;

	uint32_t seq = bh_ld_rlx(&c->seq) | 1u;
	bh_st_rlx(&c->seq, seq);
	bh_fence();
	c->restart_us = (uint32_t)us;
	bh_st_rel(&c->seq, seq + 1);
	if (c->service < k->plan->n_services && c->kind == BH_PROC_WORKER)
		add_cost(&k->svc[c->service], (uint32_t)us);
	if (c->service < k->plan->n_services && k->svc[c->service].mapped) {
		struct bh_arena_crash *a = &k->svc[c->service].v.a->crash[id % BH_ARENA_CRASHES];

		if (bh_ld_acq(&a->id) == id)
			bh_st_rel(&a->restart_us, (uint32_t)us);
	}
	tell(k, c);
}
