/* SPDX-License-Identifier: MIT */
/*
 * trim.c: when the pages of blocks that nobody uses are given back (ipc/protocol/trim.h).
 *
 * A round begins a second or more after the last, if a worker has turned since or if that
 * one left something to the next: an idle system has none. It takes a sixteenth of
 * the kernel's time at most, in small steps.
 */
#include "kernel/service/trim.h"

#include "kernel/base/clock.h"
#include "kernel/base/watch.h"
#include "kernel/process/services.h"
#include "kernel/process/table.h"

enum {
	ROUND_MS = 1000,
	SHARE = 16,   /* as many times what a round took until the next one */
	LOOKS = 4096, /* in one turn: entries, */
	CALLS = 64,   /* and blocks whose pages go */
	PAUSE_US = 500,
};

static uint64_t turns_of(const struct bh_ksvc *s)
{
	uint64_t turns = 0;

	bh_for_each_slot(c, s)
		turns += bh_ld_rlx(&s->v.workers[c->slot].heartbeat);
	return turns;
}

static void go_on(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;
	struct bh_ktrim *t = &s->trim;

	if (!bh_trim_step(&s->v, &t->round, LOOKS, CALLS)) {
		bh_wake_by(k, k->now_ns + PAUSE_US * 1000);
		return;
	}
	t->going = false;
	t->wanted = t->round.seen != 0;
	t->next_ns = k->now_ns + ROUND_MS * BH_NS_PER_MS + SHARE * (k->now_ns - t->began_ns);
	if (t->wanted)
		bh_wake_by(k, t->next_ns);
}

static void look(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;
	struct bh_ktrim *t = &s->trim;
	uint64_t turns = turns_of(s);

	t->wanted |= turns != t->turns;
	t->turns = turns;
	if (!t->going && t->wanted && k->now_ns >= t->next_ns) {
		t->going = true;
		t->wanted = false;
		t->began_ns = k->now_ns;
		t->round = (struct bh_trim){ 0 };
	}
	if (t->going)
		go_on(s);
	else if (t->wanted)
		bh_wake_by(k, t->next_ns);
}

void bh_phase_trim(struct bh_kernel *k)
{
	bh_for_each_running_service(s, k)
		look(s);
}
