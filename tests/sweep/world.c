/* SPDX-License-Identifier: MIT */
/* world.c: small arenas for the sweep, built by hand. */
#include "tests/sweep/sweep.h"

#include "ipc/protocol/files.h"
#include "ipc/protocol/ready.h"
#include "ipc/repair/verify.h"

#include <err.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "workers/base/rt.h"
#include "workers/base/sched.h"

/* By the system call: the vDSO reads the clock again if a tick came in between, and under
 * single-step, where others have the CPUs, one always does. */
int clock_gettime(clockid_t clock, struct timespec *ts)
{
	return (int)syscall(SYS_clock_gettime, clock, ts);
}

void world_make(struct world *w, void *base)
{
	struct bh_layout l;
	int fd, rc;

	memset(w, 0, sizeof(*w));
	bh_layout_init(&l, WORKERS, 700, 64, 64 << 10);
	l.reactors = 2;    /* as with more workers */
	l.units = 1 << 20; /* as if there were more blocks of each class */
	l.work_units = l.units / 8;
	fd = bh_arena_create(&l, "sweep", 1);
	if (fd < 0)
		errx(1, "arena: %s", strerror(-fd));
	rc = bh_view_map(&w->v, &l, fd, base, true);
	if (rc)
		errx(1, "map: %s", strerror(-rc));
	w->fd = fd;
	for (uint32_t s = 0; s <= OTHER; s++)
		world_start(w, s);
	world_start(w, JOBBER);
	bh_st_rlx(&w->v.a->blocking.mark, 1);
}

void world_start(struct world *w, uint32_t slot)
{
	bh_st_rlx(&w->v.workers[slot].word, bh_slot_word(BH_SLOT_UP, WORLD_EPOCH, 1000 + slot));
}

void world_free(struct world *w)
{
	bh_view_unmap(&w->v);
	syscall(SYS_close, w->fd); /* a worker's close() would look into the arena first */
}

void world_alias(struct world *to, const struct world *from)
{
	int rc;

	*to = *from;
	to->fd = dup(from->fd);
	rc = bh_view_map(&to->v, &from->v.l, to->fd, NULL, true);
	if (rc)
		errx(1, "map: %s", strerror(-rc));
}

struct part {
	uint64_t off, len;
};

enum {
	PARTS = 6,
	FILES = 64 /* descriptors, the lowest */
};

static void parts_of(const struct bh_layout *l, struct part p[PARTS])
{
	p[0] = (struct part){ 0, l->off_workers + sizeof(struct bh_slot) * WORKERS };
	p[1] = (struct part){ l->off_inject, l->off_data[0] - l->off_inject };
	p[2] = (struct part){ l->off_pinned, (sizeof(uint64_t) << l->pinned_log2) * WORKERS };
	p[3] = (struct part){ l->off_workers + sizeof(struct bh_slot) * JOBBER,
			      sizeof(struct bh_slot) };
	p[4] = (struct part){ l->off_events, offsetof(struct bh_evring, cells[4]) };
	p[5] = (struct part){ l->off_files, sizeof(struct bh_file) * FILES };
}

bool world_same(const struct world *a, const struct world *b)
{
	struct part p[PARTS];

	parts_of(&a->v.l, p);
	for (int i = 0; i < PARTS; i++)
		if (memcmp((char *)a->v.a + p[i].off, (char *)b->v.a + p[i].off, p[i].len))
			return false;
	return true;
}

void world_copy(struct world *to, const struct world *from)
{
	struct part p[PARTS];

	parts_of(&to->v.l, p);
	for (int i = 0; i < PARTS; i++)
		memcpy((char *)to->v.a + p[i].off, (char *)from->v.a + p[i].off, p[i].len);
	to->v.l.units = from->v.l.units;
	to->v.l.work_units = from->v.l.work_units;
	to->victim = from->victim;
	to->me = from->me;
	to->child = from->child;
	to->other = from->other;
	to->io = from->io;
	to->budget = from->budget;
}

void world_become(struct world *w, uint32_t slot)
{
	static const struct bh_plan_service plan = { .inject_interval = 61, .seed = 1 };
	uint32_t idx = bh_handle_idx(bh_ld_rlx(&w->v.workers[slot].current));

	memset(&bh_rt, 0, sizeof(bh_rt));
	bh_rt.v = w->v;
	bh_rt.slot = slot;
	bh_rt.epoch = WORLD_EPOCH;
	bh_rt.me = &w->v.workers[slot];
	bh_sched_init(&bh_rt.sched, &plan, WORKERS, slot, WORLD_EPOCH);
	bh_rt.doorbell = -1;
	for (uint32_t i = 0; i < BH_MAX_REACTORS; i++)
		bh_rt.epfd[i] = -1;
	bh_rt.slow_path = slot >= BH_MAX_WORKERS ? BH_SLOW_SHARED : 0;
	if (!bh_tcb_at(&w->v, idx))
		return;
	uint64_t s = bh_ld_acq(&w->v.tasks[idx].state);
	if (bh_state_of(s) != BH_RUNNING || bh_state_worker(s) != slot)
		return;
	bh_rt.idx = idx;
	bh_rt.task = &w->v.tasks[idx];
	bh_rt.handle = bh_handle(bh_state_gen(s), idx);
}

void world_epoll(void)
{
	for (uint32_t i = 0; i < bh_rt.v.l.reactors; i++) {
		bh_rt.epfd[i] = epoll_create1(EPOLL_CLOEXEC);
		bh_rt.v.kick[i] = eventfd(0, EFD_NONBLOCK);
	}
}

uint32_t world_task(struct world *w, enum bh_state s, uint32_t slot)
{
	struct bh_slot *me = &w->v.workers[slot];
	uint32_t idx = bh_pool_take(&w->v.task_pool, &me->tasks);
	struct bh_tcb *t = &w->v.tasks[idx];
	uint64_t word;

	if (!idx || !bh_state_reserve(&t->state, slot, WORLD_EPOCH, &word))
		errx(1, "world: no task slot");
	t->kind = BH_KIND_POLL;
	bh_st_rlx(&t->parent, 0);
	bh_count(&me->count.spawned, 1);
	if (s == BH_RUNNING) {
		word = bh_state_make(bh_state_gen(word), WORLD_EPOCH, slot, BH_DETACHED,
				     BH_RUNNING);
		bh_st_rlx(&me->current, bh_handle(bh_state_gen(word), idx));
	} else if (s != BH_RESERVED) {
		word = bh_state_unheld(word, s) | BH_DETACHED;
	}
	if (s == BH_WAITING) {
		t->wait = BH_WAIT_SUSPEND;
		bh_st_rlx(&t->deadline_ns, INT64_MAX);
	}
	if (s == BH_DONE)
		bh_count(&me->count.completed, 1);
	bh_st_rlx(&t->state, word);
	return idx;
}

void world_adopt(struct world *w, uint32_t parent, uint32_t child)
{
	struct bh_tcb *p = &w->v.tasks[parent], *c = &w->v.tasks[child];
	uint32_t first = bh_ld_rlx(&p->child);

	bh_and(&c->state, ~BH_DETACHED);
	bh_st_rlx(&c->parent, bh_handle(bh_state_gen(bh_ld_rlx(&p->state)), parent));
	bh_st_rlx(&c->sibling, first);
	if (first)
		bh_st_rlx(&w->v.tasks[first].prev, child);
	bh_st_rlx(&p->child, child);
}

static uint64_t handle_of(struct world *w, uint32_t task)
{
	return bh_handle(bh_state_gen(bh_ld_rlx(&w->v.tasks[task].state)), task);
}

uint32_t world_block(struct world *w, uint32_t task)
{
	struct bh_tcb *t = &w->v.tasks[task];
	uint32_t idx = bh_extent_take(&w->v, VICTIM, 0);

	bh_st_rlx(&w->v.blocks[0][idx].owner, handle_of(w, task));
	bh_st_rlx(&w->v.blocks[0][idx].next, bh_ld_rlx(&t->blocks));
	bh_st_rlx(&t->blocks, bh_block_ref(0, idx));
	return bh_block_ref(0, idx);
}

void world_stack(struct world *w, uint32_t task)
{
	uint32_t cls = BH_STACK_CLASS;
	uint32_t idx = bh_extent_take(&w->v, VICTIM, cls);

	bh_st_rlx(&w->v.blocks[cls][idx].owner, handle_of(w, task));
	bh_st_rlx(&w->v.tasks[task].stack, bh_block_ref(cls, idx));
}

void world_charge(struct world *w, uint32_t cls, uint32_t end)
{
	struct bh_pool_cache *c = &w->v.workers[VICTIM].blocks[cls];

	while (bh_ld_rlx(&w->v.block_pool[cls].pool->mark) < end)
		if (!bh_extent_refill(&w->v, VICTIM, cls))
			errx(1, "world: no extent");
	memset(c, 0, sizeof(*c));
}

void world_use_up(struct world *w, uint32_t cls)
{
	uint32_t idx, owner = world_task(w, BH_WAITING, OTHER);

	while ((idx = bh_extent_take(&w->v, OTHER, cls))) {
		struct bh_block *b = &w->v.blocks[cls][idx];

		bh_st_rlx(&b->owner, handle_of(w, owner));
		bh_st_rlx(&b->next, bh_ld_rlx(&w->v.tasks[owner].blocks));
		bh_st_rlx(&w->v.tasks[owner].blocks, bh_block_ref(cls, idx));
	}
}

uint32_t world_io(struct world *w, uint32_t task)
{
	struct bh_tcb *t = &w->v.tasks[task];
	uint32_t idx = bh_pool_take(&w->v.io_pool, &w->v.workers[VICTIM].ios);

	bh_st_rlx(&w->v.ios[idx].owner, handle_of(w, task));
	bh_st_rlx(&w->v.ios[idx].gen, 3);
	bh_st_rlx(&w->v.ios[idx].fd, -1);
	bh_st_rlx(&w->v.ios[idx].next, bh_ld_rlx(&t->ios));
	bh_st_rlx(&t->ios, idx);
	return idx;
}

enum bh_state world_state(struct world *w, uint32_t task)
{
	return bh_state_of(bh_ld_acq(&w->v.tasks[task].state));
}

/* What the zygote does when it is told: nothing is open here, so only the slot. */
static void close_io(void *ctx, uint32_t idx)
{
	struct world *w = ctx;
	uint64_t closing = BH_IO_CLOSING;

	if (bh_cas(&w->v.ios[idx].owner, &closing, 0))
		bh_pool_give_shared(&w->v.io_pool, idx);
}

void world_recover(struct world *w)
{
	world_recover_slot(w, w->victim);
}

void world_recover_slot(struct world *w, uint32_t slot)
{
	struct bh_recover_ops ops = { .close_io = close_io, .ctx = w, .budget = w->budget };
	struct bh_dead_task dead;
	uint32_t at = bh_lease_any_held_by(w->v.a->idle.lease, slot), epoch;

	w->found = bh_ld_acq(&w->v.workers[slot].word);
	epoch = (uint32_t)w->found >> 16;
	bh_st_rel(&w->v.workers[slot].word, bh_slot_word(BH_SLOT_DEAD, epoch, 1000 + slot));
	bh_recover_kernel(&w->v);
	bh_recover_begin(&w->v, slot, epoch, &dead);
	bh_files_lose(&w->v, dead.task);
	if (dead.task)
		bh_recover_task(&w->v, dead.task, dead.can_restart,
				dead.aborted ? BH_END_CANCELED : BH_END_CRASHED, 1, &ops);
	bh_recover_worker(&w->v, slot, epoch, &ops);
	while (at)
		at = bh_ready_step(&w->v, at, 64);
}

void world_recover_held(struct world *w)
{
	struct bh_recover_ops ops = { .close_io = close_io, .ctx = w, .budget = w->budget };
	struct bh_dead_task dead;

	bh_recover_begin(&w->v, w->victim, WORLD_EPOCH, &dead);
	bh_recover_decide(&w->v, dead.task, dead.can_restart, BH_END_CRASHED, 1);
	bh_recover_worker(&w->v, w->victim, WORLD_EPOCH, &ops);
	bh_recover_task(&w->v, dead.task, false, BH_END_CRASHED, 0, &ops);
}

void world_scan(struct world *w)
{
	struct bh_recover_ops ops = { .close_io = close_io, .ctx = w, .budget = w->budget };
	struct bh_verify scan = { .requeue = true };
	uint32_t at = 1;

	while (at)
		at = bh_ready_step(&w->v, at, 64);
	while (!bh_verify_step(&w->v, &scan, 64, &ops))
		;
	bh_files_lose(&w->v, 0);
}
