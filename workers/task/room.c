/* SPDX-License-Identifier: MIT */
#include "workers/task/room.h"

#include <errno.h>

#include "workers/base/clock.h"
#include "workers/base/rt.h"
#include "workers/queue/queue.h"

enum {
	BATCH = 64,    /* asked at a time: a look at the whole table is worth it */
	LEAST_MS = 100 /* whoever is idle for less is about to ask again */
};

struct oldest {
	uint32_t n, idx[BATCH], idle_ms[BATCH]; /* the longest idle first */
};

enum bh_short bh_room_short_accept(int err)
{
	switch (err) {
	case -BH_ENOSLOT:
		return BH_SHORT_IO;
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
		return BH_SHORT_FILES;
	default:
		return BH_SHORTS;
	}
}

enum bh_short bh_room_short_spawn(int err)
{
	return err == -BH_ENOSLOT ? BH_SHORT_TASKS : err == -ENOMEM ? BH_SHORT_MEMORY : BH_SHORTS;
}

static void keep(struct oldest *o, uint32_t idx, uint32_t idle_ms)
{
	uint32_t at = o->n < BATCH ? o->n++ : BATCH;

	if (at == BATCH && o->idle_ms[--at] >= idle_ms)
		return;
	for (; at && o->idle_ms[at - 1] < idle_ms; at--) {
		o->idx[at] = o->idx[at - 1];
		o->idle_ms[at] = o->idle_ms[at - 1];
	}
	o->idx[at] = idx;
	o->idle_ms[at] = idle_ms;
}

static void find(struct oldest *o)
{
	const struct bh_view *v = &bh_rt.v;
	uint32_t mark = bh_ld_acq(&v->io_pool.pool->mark), now = bh_rt_age_ms();

	for (uint32_t i = 1; i < mark && i < v->l.ios; i++) {
		struct bh_ioslot *s = &v->ios[i];
		uint32_t since = bh_ld_acq(&s->idle_ms);
		int32_t idle = (int32_t)(now - since);

		if (since && idle >= LEAST_MS && !bh_ld_rlx(&s->leave))
			keep(o, i, (uint32_t)idle);
	}
}

uint32_t bh_room_make(void)
{
	struct oldest o;

	o.n = 0;
	find(&o);
	for (uint32_t i = 0; i < o.n; i++) {
		struct bh_ioslot *s = &bh_rt.v.ios[o.idx[i]];
		uint64_t owner = bh_ld_acq(&s->owner);

		bh_st_rel(&s->leave, 1);
		bh_rt_wake(bh_handle_idx(owner), bh_handle_gen(owner), 0);
	}
	bh_add(&bh_rt.v.a->shortage.left, o.n);
	return o.n;
}
