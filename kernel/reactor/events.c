/* SPDX-License-Identifier: MIT */
/*
 * events.c: recordings of events: when workers write them, how many, and those that
 * the kernel itself sees.
 *
 * A recording ends by itself, so whoever wants it to go on says so again and again:
 * an admin server, and a client, that died leave nothing on. Whether one is on stands
 * in each arena, and is put right in each turn: a kernel that took over ends it, and
 * the next word of the client begins it anew. Each recording has a number, so that a
 * client which came too late, or whose kernel died, is told that there is a gap: what
 * nobody records nobody counts either.
 *
 * The rings keep their pages while it goes on, and for KEEP_MS after, for readers that come
 * late. Then the pages go back, a few rings in a turn.
 */
#include "kernel/reactor/events.h"

#include "ipc/base/usdt.h"
#include "ipc/system/evring.h"
#include "kernel/base/clock.h"
#include "kernel/base/watch.h"
#include "kernel/process/services.h"
#include "kernel/process/table.h"

enum {
	LONGEST_MS = 60000,
	ALLOW_MS = 10,
	ALLOW_PER_MS = 400, /* events of each ring */
	KEEP_MS = 2000,
	CLEAR = 4, /* rings in one turn */
	CLEAR_PAUSE_US = 500,
};

void bh_record(struct bh_kernel *k, int32_t ms)
{
	if (!k->record_ns) {
		k->allow_ns = k->now_ns;
		/* Another one than before, also if that was another kernel's. */
		k->recording = (uint32_t)(k->now_ns / BH_NS_PER_MS);
		k->recording += !k->recording;
	}
	if (ms > LONGEST_MS)
		ms = LONGEST_MS;
	if (ms > 0 && k->record_ns < k->now_ns + ms * BH_NS_PER_MS)
		k->record_ns = k->now_ns + ms * BH_NS_PER_MS;
}

/* For the time since they last might, even if the kernel comes late. */
static void allow(struct bh_ksvc *s)
{
	int64_t ms = (s->kernel->now_ns - s->kernel->allow_ns) / BH_NS_PER_MS + ALLOW_MS;
	uint32_t n = (uint32_t)(ms < 1000 ? ms : 1000) * ALLOW_PER_MS;

	bh_for_each_slot(c, s)
		bh_evring_allow(&s->v.events[c->slot], n);
	bh_evring_allow(&s->v.events[BH_EVRING_KERNEL], n);
}

/* -- the rings' memory ------------------------------------------------------------------ */

static void clear_later(struct bh_kernel *k)
{
	k->clear_ns = k->now_ns + KEEP_MS * BH_NS_PER_MS;
	bh_for_each_service(s, k)
		s->ring = 0;
	bh_wake_by(k, k->clear_ns);
}

void bh_record_attach(struct bh_kernel *k)
{
	clear_later(k);
}

/* Rings of slots that were ever used, and then the kernel's. */
static uint32_t next_ring(const struct bh_ksvc *s, uint32_t ring)
{
	uint32_t next = ring + 1 == s->workers ? BH_MAX_WORKERS : ring + 1;
	bool used = next < s->workers || next - BH_MAX_WORKERS < s->board->blocking_mark;

	return used || ring == BH_EVRING_KERNEL ? next : BH_EVRING_KERNEL;
}

/* True: all of the service's that were ever used are done. */
static bool clear_some(struct bh_ksvc *s)
{
	for (int n = 0; n < CLEAR && s->ring <= BH_EVRING_KERNEL; n++) {
		bh_evring_clear(&s->v.events[s->ring]);
		s->ring = next_ring(s, s->ring);
	}
	return s->ring > BH_EVRING_KERNEL;
}

static void clear_rings(struct bh_kernel *k)
{
	bool done = true;

	bh_for_each_mapped_service(s, k)
		if (done)
			done = clear_some(s);
	k->clear_ns = done ? 0 : k->now_ns + CLEAR_PAUSE_US * 1000;
	if (!done)
		bh_wake_by(k, k->clear_ns);
}

/* -- a recording -------------------------------------------------------------------------- */

void bh_phase_record(struct bh_kernel *k)
{
	if (k->record_ns && k->now_ns >= k->record_ns) {
		k->record_ns = 0;
		clear_later(k);
	}
	bool on = k->record_ns != 0, due = on && k->now_ns >= k->allow_ns;
	uint32_t number = on ? k->recording : 0;

	bh_for_each_mapped_service(s, k) {
		if (due)
			allow(s);
		if (bh_ld_rlx(&s->v.a->recording) != number)
			bh_st_rel(&s->v.a->recording, number);
	}
	if (due)
		k->allow_ns = k->now_ns + ALLOW_MS * BH_NS_PER_MS;
	if (on)
		bh_wake_by(k, k->allow_ns);
	else if (k->clear_ns && k->now_ns >= k->clear_ns)
		clear_rings(k);
	else if (k->clear_ns)
		bh_wake_by(k, k->clear_ns);
}

static void put(struct bh_ksvc *s, uint32_t slot, struct bh_event *e)
{
	struct bh_evring *r = &s->v.events[BH_EVRING_KERNEL];

	if (!bh_ld_rlx(&s->v.a->recording) || !bh_evring_room(r))
		return;
	e->time_ns = (uint64_t)bh_clock_ns();
	e->service = (uint8_t)s->id;
	e->slot = (uint16_t)slot;
	e->cpu = ~0u;
	bh_evring_put(r, e);
}

void bh_record_woken(struct bh_ksvc *s, uint32_t idx, enum bh_event_kind why, uint64_t what)
{
	const struct bh_tcb *t = bh_tcb_at(&s->v, idx);

	if (bh_ld_rlx(&s->v.a->recording) && t)
		put(s, BH_EVRING_KERNEL,
		    &(struct bh_event){ .kind = (uint8_t)why,
					.task = bh_handle(bh_state_gen(bh_ld_rlx(&t->state)), idx),
					.a = what,
					.type = t->type });
}

void bh_record_crash(const struct bh_child *c, const struct bh_board_crash *crash)
{
	struct bh_ksvc *s = c->s;
	struct bh_evring *r = &s->v.events[c->slot];
	uint64_t open = bh_ld_rlx(&r->open_ns), now = (uint64_t)bh_clock_ns();
	uint32_t status = crash->signal ? (uint32_t)crash->signal : (uint32_t)crash->exit_code << 8;

	BH_USDT4(crash, s->id, c->slot, (uint32_t)crash->task, (uint32_t)crash->signal);
	/* Its last poll ended here. */
	if (open && open < now)
		put(s, c->slot,
		    &(struct bh_event){ .kind = bh_child_is_worker(c) ? BH_EV_POLL : BH_EV_JOB,
					.task = bh_ld_rlx(&r->open_task),
					.pid = (uint32_t)crash->pid,
					.a = now - open,
					.b = BH_EVP_CRASHED,
					.type = bh_ld_rlx(&r->open_type) });
	bh_st_rlx(&r->open_ns, 0);
	put(s, c->slot,
	    &(struct bh_event){ .kind = BH_EV_CRASH,
				.task = crash->task,
				.pid = (uint32_t)crash->pid,
				.a = status,
				.b = crash->id,
				.type = crash->task ? crash->task_type : BH_EVENT_NO_TYPE });
}

void bh_record_restart(const struct bh_child *c)
{
	uint64_t ns = (uint64_t)(bh_clock_ns() - c->p->died_ns);

	BH_USDT3(restart, c->s->id, c->slot, ns);
	put(c->s, c->slot,
	    &(struct bh_event){ .kind = BH_EV_RESTART,
				.pid = (uint32_t)c->p->pid,
				.a = ns,
				.type = BH_EVENT_NO_TYPE });
}
