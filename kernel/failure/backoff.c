/* SPDX-License-Identifier: MIT */
/* backoff.c: see backoff.h. */
#include "kernel/failure/backoff.h"

#include "kernel/base/clock.h"
#include "kernel/base/watch.h"
#include "kernel/process/table.h"

/* Up to a quarter less: who failed together does not come back together, again and
 * again. By entry and time, for it has to differ, not to be unpredictable. */
static int64_t jitter(const struct bh_child *c, int64_t delay_ns)
{
	uint64_t x = ((uint64_t)c->k->now_ns ^ (uint64_t)c->idx << 48) * 0x9e3779b97f4a7c15ull;

	return delay_ns - (int64_t)((x >> 32) % ((uint64_t)delay_ns / 4 + 1));
}

int64_t bh_pause_ms(uint32_t failures, uint32_t min_ms, uint32_t max_ms)
{
	uint32_t shift = failures && failures - 1 < 20 ? failures - 1 : 20;
	int64_t pause = (int64_t)(min_ms ? min_ms : 1) << shift;

	return !failures ? 0 : pause < max_ms ? pause : max_ms;
}

void bh_restart_later(struct bh_child *c, uint32_t failures, uint32_t min_ms, uint32_t max_ms)
{
	int64_t delay = bh_pause_ms(failures, min_ms, max_ms);

	c->p->failures = failures;
	c->p->start_at_ns = c->k->now_ns + jitter(c, delay * BH_NS_PER_MS);
	bh_wake_by(c->k, c->p->start_at_ns);
	bh_st_rel(&c->p->state, BH_PROC_BACKOFF);
}
