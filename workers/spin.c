/* SPDX-License-Identifier: MIT */
/*
 * spin.c: an idle worker watches its park word for a moment before it sleeps, if
 * that has paid lately. A wake-up then costs the waker one store, and the sleeper no
 * way through Linux.
 *
 * Whether it would have paid is known whether it span or not: an idle time was
 * about as short as a spin, or it was not. If more than half of them were, the last
 * counting one in eight, the next one begins with a spin. So a worker that idles for
 * milliseconds never spins, and nothing is tried out to learn that. "About": a sleep's
 * length has the way out of it in it. A spin in vain is certain; after each of them
 * in a row, twice as many idle times are slept through.
 *
 * The CPU must be to spare: there is one for each worker that runs and one for the
 * spinner; and between two slices it is offered to others (sched_yield()). If somebody
 * takes the offer, the machine has better to do: no more of it for REST_NS.
 *
 * All is private to the worker but `spinner` and the park word (ipc/idle.h).
 */
#include "workers/spin.h"

#include <sched.h>

#include "workers/rt.h"

enum {
	LONGEST_NS = 50000,
	SLICE = 200, /* looks at the word: a few microseconds */
	WEIGHT = 8,
	ALWAYS = 256,
	DOUBT_MAX = 255,
	WAKE_NS = 50000, /* what being woken by a system call may add to an idle time */
	LOST_NS = 20000, /* sched_yield() took so long: somebody else ran */
	REST_NS = 10000000,
};

void bh_spin_init(struct bh_spin *s, const struct bh_plan_service *p)
{
	uint32_t us = p ? p->spin_us : BH_SPIN_AUTO;
	cpu_set_t set;

	*s = (struct bh_spin){ .longest_ns = us == BH_SPIN_AUTO ? LONGEST_NS : us * 1000ll };
	if (us == BH_SPIN_NEVER)
		s->longest_ns = 0;
	if (!sched_getaffinity(0, sizeof(set), &set))
		s->cpus = (uint32_t)CPU_COUNT(&set);
}

bool bh_spin_room(const struct bh_spin *s, int64_t now, uint32_t running)
{
	/* Somebody has to wake it: a worker, or the kernel. */
	return s->cpus > (running ? running : 1) && now >= s->rest_until_ns;
}

bool bh_spin_pays(struct bh_spin *s)
{
	if (s->paid <= ALWAYS / 2)
		return false;
	if (!s->skip)
		return true;
	s->skip--;
	return false;
}

static void learn(struct bh_spin *s, bool brief)
{
	if (brief)
		s->paid += (ALWAYS - s->paid) / WEIGHT;
	else
		s->paid -= (s->paid + WEIGHT - 1) / WEIGHT;
}

void bh_spin_hit(struct bh_spin *s)
{
	s->doubt = 0;
	learn(s, true);
}

void bh_spin_slept(struct bh_spin *s, int64_t idle_ns)
{
	if (s->missed)
		s->skip = s->doubt = s->doubt < DOUBT_MAX ? 2 * s->doubt + 1 : DOUBT_MAX;
	learn(s, !s->missed && idle_ns <= s->longest_ns + WAKE_NS);
}

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
	s->since_ns = bh_rt_clock();
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
	int64_t before = bh_rt_clock(), now;

	if (before >= s->end_ns || !bh_spin_room(s, before, running()))
		return false;
	sched_yield();
	now = bh_rt_clock();
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

	s->missed = sleeps && bh_rt_clock() >= s->end_ns;
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
		bh_spin_slept(s, bh_rt_clock() - s->since_ns);
	}
}
