/* SPDX-License-Identifier: MIT */
/* park_spin.c: the spin of spin.c by this worker, on its park word. */
#include "workers/executor/park_spin.h"

#include <sched.h>

#include "ipc/base/monotonic.h"
#include "workers/base/rt.h"
#include "workers/base/spin.h"

enum {
	SLICE = 200,     /* looks at the word: a few microseconds */
	LOST_NS = 20000, /* sched_yield() took so long: somebody else ran */
	REST_NS = 10000000,
};

static uint32_t running(void)
{
	uint64_t parked = bh_ld_rlx(&bh_rt.v.a->idle.parked) & ~(1ull << bh_rt.slot);
	uint32_t all = bh_rt.wanted ? bh_rt.wanted : bh_rt.v.l.workers;
	uint32_t idle = (uint32_t)__builtin_popcountll(parked) + 1;

	return all > idle ? all - idle : 0;
}

/* The word no longer says BH_SPINNING, or not for long. */
static void stop(void)
{
	bh_idle_spin_end(&bh_rt.v.a->idle, bh_rt.slot);
	bh_rt.spin.end_ns = 0;
}

bool bh_spin_begin(void)
{
	struct bh_spin *s = &bh_rt.spin;

	if (!s->longest_ns)
		return false;
	s->missed = false;
	s->since_ns = bh_monotonic_ns();
	if (!bh_spin_pays(s) || !bh_spin_room(s, s->since_ns, running()) ||
	    !bh_idle_spin_begin(&bh_rt.v.a->idle, bh_rt.slot))
		return false;
	s->end_ns = s->since_ns + s->longest_ns;
	return true;
}

void bh_spin_cancel(void)
{
	if (bh_rt.spin.end_ns)
		stop();
}

/* True if there is time left, and the CPU is nobody else's. */
static bool more(struct bh_spin *s)
{
	int64_t before = bh_monotonic_ns(), now;

	if (before >= s->end_ns || !bh_spin_room(s, before, running()))
		return false;
	sched_yield();
	now = bh_monotonic_ns();
	if (now - before > LOST_NS)
		s->rest_until_ns = now + REST_NS;
	return now - before <= LOST_NS;
}

bool bh_spin_slice(void)
{
	struct bh_spin *s = &bh_rt.spin;
	_Atomic uint32_t *park = &bh_rt.me->park;

	if (!s->end_ns)
		return false;
	for (int i = 0; i < SLICE; i++) {
		if (bh_ld_acq(park) != BH_SPINNING)
			return true;
		bh_cpu_relax();
	}
	if (more(s))
		return true;
	/* From here on it costs a system call; if somebody was quicker, none comes. */
	bool sleeps = bh_idle_spun(park, bh_idle_sleeps(bh_rt.leased));

	s->missed = sleeps && bh_monotonic_ns() >= s->end_ns;
	stop();
	return !sleeps;
}

void bh_spin_end(void)
{
	struct bh_spin *s = &bh_rt.spin;

	if (!s->longest_ns)
		return;
	if (s->end_ns) {
		stop();
		bh_spin_hit(s);
	} else {
		bh_spin_slept(s, bh_monotonic_ns() - s->since_ns);
	}
}
