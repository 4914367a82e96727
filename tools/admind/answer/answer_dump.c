/* SPDX-License-Identifier: MIT */
/*
 * answer_dump.c: tasks, the cause of their wait and, for fibers, the bytes of the stack.
 *
 * The client (bhctl) makes a backtrace of the bytes: it runs as the user that asks, so it
 * reads only programs that this user may read, and a bad program can crash only the client.
 *
 * A fiber may run on while it is copied: then its state word or its stack pointer has
 * changed, and the copy is discarded. A fiber that was resumed and suspended at the very
 * same place in between goes unnoticed, and its stack may be a mixture.
 */
#include <string.h>
#include <time.h>

#include "ipc/base/clock.h"
#include "ipc/base/context_regs.h"
#include "tools/admind/answer/answer.h"
#include "tools/admind/counts.h"

enum {
	DEFAULT_TASKS = 1000,
	MAX_TASKS = 10000,
	STACK_BYTES = 32 * 1024,      /* of one; the outer frames of a deeper one are cut */
	ALL_BYTES = 64 * 1024 * 1024, /* of all in one answer */
	SLOTS_LOOKED_AT = 64,         /* of a poll task's I/O slots */
};

struct dump {
	struct bh_answer *a;
	const struct bh_view *v;
	int64_t now_ns; /* CLOCK_MONOTONIC */
	uint64_t bytes; /* of stacks so far */
};

static char *text(const char *s)
{
	return (char *)(uintptr_t)s;
}

/* The part in use of the stack in block @ref, as an offset in the arena. False: @sp
 * does not lie in it. */
static bool stack_of(const struct bh_view *v, uint32_t ref, uint64_t sp, uint64_t *at, uint64_t *n)
{
	uint32_t cls = bh_block_class(ref);

	if (!bh_block_at(v, ref) || cls < BH_DATA_CLASSES || sp % 8)
		return false;
	uint64_t low = v->l.off_data[cls] + bh_block_idx(ref) * bh_class_stride(cls);

	*at = sp - BH_ARENA_BASE;
	if (*at < low || *at > low + bh_class_bytes(cls) - BH_CONTEXT_BYTES)
		return false;
	*n = low + bh_class_bytes(cls) - *at;
	return true;
}

static const char *no_stack(uint64_t w, const struct bh_tcb *t, uint64_t sp)
{
	if (t->kind != BH_KIND_FIBER)
		return "";
	switch (bh_state_of(w)) {
	case BH_RUNNING:
		return "it is running";
	case BH_WAITING:
	case BH_SCHEDULED:
		return sp ? NULL : "it has not begun";
	case BH_CLEANUP:
		return "its worker has died";
	default:
		return "it has ended";
	}
}

static void fill_stack(struct dump *d, Bulkhead__DumpTask *to, const struct bh_tcb *t, uint64_t w)
{
	const volatile uint64_t *saved = &t->sp; /* read once: the checked value is used */
	uint64_t sp = *saved, at = 0, n = 0;
	const char *none = no_stack(w, t, sp);

	if (!none && !stack_of(d->v, bh_ld_rlx(&t->stack), sp, &at, &n))
		none = "its stack pointer lies outside its stack";
	to->stack_cut = n > STACK_BYTES;
	n = to->stack_cut ? STACK_BYTES : n;
	if (!none && d->bytes + n > ALL_BYTES)
		none = "there are too many stacks for one answer; ask for this task alone";
	if (!none) {
		to->stack.data = bh_scratch_take(&d->a->scratch, n);
		memcpy(to->stack.data, (const char *)d->v->a + at, n);
		to->stack.len = n;
		to->stack_at = BH_ARENA_BASE + at;
		d->bytes += n;
		bh_fence(); /* the copy is complete before the words are read again */
		if (bh_ld_rlx(&t->state) != w || *saved != sp) {
			to->stack.len = 0;
			none = "it ran while it was looked at";
		}
	}
	to->no_stack = text(none ? none : "");
}

/* Adds I/O slot @idx for each direction in which task @task waits for it. */
static void add_io(struct dump *d, Bulkhead__DumpTask *to, uint32_t idx, uint32_t task)
{
	const struct bh_ioslot *s = bh_io_at(d->v, idx);

	for (int dir = 0; s && dir < 2; dir++) {
		if (bh_ld_acq(&s->ready[dir]) >> 32 != task)
			continue;
		Bulkhead__DumpIo *io = bh_scratch_take(&d->a->scratch, sizeof(*io));
		bulkhead__dump_io__init(io);
		io->slot = idx;
		io->fd = bh_ld_rlx(&s->fd);
		io->inode = bh_ld_rlx(&s->ino);
		io->direction =
			text(dir                                                     ? "write" :
			     s->kind == BH_IO_LISTENER || s->kind == BH_IO_LISTENERS ? "accept" :
										       "read");
		to->io[to->n_io++] = io;
	}
}

static void fill_io(struct dump *d, Bulkhead__DumpTask *to, const struct bh_tcb *t, uint32_t idx)
{
	uint32_t at = bh_ld_rlx(&t->ios);

	to->io = bh_scratch_take(&d->a->scratch, 2 * SLOTS_LOOKED_AT * sizeof(*to->io));
	if (t->kind == BH_KIND_FIBER && t->wait == BH_WAIT_IO) {
		add_io(d, to, bh_handle_idx(t->wait_on), idx);
		return;
	}
	for (int i = 0; t->kind == BH_KIND_POLL && i < SLOTS_LOOKED_AT && bh_io_at(d->v, at); i++) {
		add_io(d, to, at, idx);
		at = bh_ld_rlx(&d->v->ios[at].next);
	}
}

static void fill_wait(struct dump *d, Bulkhead__DumpTask *to, const struct bh_tcb *t, uint32_t idx)
{
	int64_t deadline = bh_ld_rlx(&t->deadline_ns), left;
	int64_t now = bh_clock_read(bh_ld_acq(&d->v->a->clock), d->now_ns);

	to->timed = deadline > 0 && !__builtin_sub_overflow(deadline, now, &left);
	if (to->timed)
		to->left_ms = left / 1000000;
	if (t->kind == BH_KIND_FIBER && (t->wait == BH_WAIT_JOIN || t->wait == BH_WAIT_TOKEN))
		to->wait_on = t->wait_on;
	fill_io(d, to, t, idx);
}

/* NULL: it is none, or no longer. */
static Bulkhead__DumpTask *dump_task(struct dump *d, uint32_t idx)
{
	const struct bh_tcb *t = &d->v->tasks[idx];
	uint64_t w = bh_ld_acq(&t->state);
	Bulkhead__DumpTask *to;

	if (!bh_counts_alive(w) && bh_state_of(w) != BH_DONE)
		return NULL;
	to = bh_scratch_take(&d->a->scratch, sizeof(*to));
	bulkhead__dump_task__init(to);
	to->task = bh_scratch_take(&d->a->scratch, sizeof(*to->task));
	to->home =
		(w & BH_PINNED) && bh_state_worker(w) < BH_SLOTS ? (int32_t)bh_state_worker(w) : -1;
	if (bh_state_of(w) == BH_WAITING)
		fill_wait(d, to, t, idx);
	fill_stack(d, to, t, w);
	return bh_answer_task(d->a, to->task, d->v, idx, w, d->now_ns) ? to : NULL;
}

static void dump_service(struct bh_answer *a, Bulkhead__Dump *all, uint32_t service, uint32_t *room)
{
	const struct bh_board_service *b = &a->system->board->services[service];
	Bulkhead__DumpService *to = bh_scratch_take(&a->scratch, sizeof(*to));
	uint64_t wanted = a->request->dump->task;
	struct dump d = { .a = a, .v = bh_system_arena(a->system, service) };
	struct timespec ts;

	if (!d.v)
		return;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	d.now_ns = ts.tv_sec * 1000000000ll + ts.tv_nsec;
	bulkhead__dump_service__init(to);
	to->service = bh_scratch_text(&a->scratch, b->name, sizeof(b->name));
	for (uint32_t i = 0; i < BH_MAX_WORKERS && !to->pid; i++)
		to->pid = b->worker_pid[i];
	to->tasks = bh_scratch_take(&a->scratch, *room * sizeof(*to->tasks));
	for (uint32_t i = 1, n = bh_counts_tasks(d.v); i < n; i++) {
		if (wanted && bh_tcb_of(d.v, wanted) != &d.v->tasks[i])
			continue;
		uint64_t w = bh_ld_acq(&d.v->tasks[i].state);
		if (!bh_counts_alive(w) && bh_state_of(w) != BH_DONE)
			continue;
		all->found++;
		Bulkhead__DumpTask *t = *room ? dump_task(&d, i) : NULL;
		if (t) {
			t->task->service = to->service;
			to->tasks[to->n_tasks++] = t;
			--*room;
		}
	}
	all->services[all->n_services++] = to;
}

void bh_answer_dump(struct bh_answer *a)
{
	const Bulkhead__DumpRequest *r = a->request->dump;
	Bulkhead__Dump *all = bh_scratch_take(&a->scratch, sizeof(*all));
	uint32_t room = r->limit ? r->limit : DEFAULT_TASKS, n = bh_system_services(a->system);

	if (!bh_answer_known(a, r->service))
		return;
	if (room > MAX_TASKS)
		room = MAX_TASKS;
	bulkhead__dump__init(all);
	all->services = bh_scratch_take(&a->scratch, n * sizeof(*all->services));
	for (uint32_t i = 0; i < n; i++)
		if (bh_answer_wanted(a, r->service, i))
			dump_service(a, all, i, &room);
	if (r->task && !all->found) {
		bh_answer_refuse(a, BULKHEAD__ERROR__CODE__UNAVAILABLE,
				 "there is no task 0x%llx (any more); `bhctl tasks` lists those "
				 "there are",
				 (unsigned long long)r->task);
		return;
	}
	a->reply.answer_case = BULKHEAD__REPLY__ANSWER_DUMP;
	a->reply.dump = all;
}
