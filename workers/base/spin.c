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
 * All is private to the worker but `spinner` and the park word (ipc/queue/idle.h).
 */
#include "workers/base/spin.h"

#include <sched.h>

enum {
	LONGEST_NS = 50000,
	WEIGHT = 8,
	ALWAYS = 256,
	DOUBT_MAX = 255,
	WAKE_NS = 50000, /* what being woken by a system call may add to an idle time */
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
