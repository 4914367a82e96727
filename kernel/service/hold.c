/* SPDX-License-Identifier: MIT */
/*
 * hold.c: crashes that come too fast are held back.
 *
 * A crash costs its worker's slot half a millisecond, and where CPUs are short ten, so tasks
 * that do nothing but crash, and are spawned again at once, would have all of the workers'
 * time. Quarantine refuses them; where that is off, or the type is exempt, or clients are
 * many, this remains: each task type has a budget, so many crashes that a share of the
 * workers' time goes into them and no more, by what restarts take at present. What is beyond
 * it is late: the outcome of the crash is decided and recorded at once, and shows only when
 * the budget allows (its joiner is told, its sockets are closed, it starts again). A task
 * that waits for it comes back less often. Workers are replaced at once all the same.
 *
 * Not the spawns are held back: of a type that crashes now and then, most are good.
 *
 * Who is held back stands in private memory, and may be forgotten: the task is in CLEANUP
 * with its verdict, and the scan of a new kernel ends it, early.
 */
#include "kernel/service/hold.h"

#include <bulkhead/task.h>

#include "kernel/base/clock.h"
#include "kernel/base/watch.h"
#include "kernel/failure/crash.h"
#include "kernel/process/request.h"
#include "kernel/process/services.h"

enum {
	SHARE = 16,     /* of the workers' time a type's crashes may take one part in so many; */
	BURST_MS = 100, /* more at a time if there was less before */
	MOST_MS = 1000, /* nobody is held back for longer */
};

/* When the outcome of the crash at hand may show. */
static int64_t due(struct bh_ksvc *s, uint32_t type)
{
	int64_t now = s->kernel->now_ns, *next = &s->crash_due_ns[type % BH_TYPES];
	int64_t cost_us = s->crash_us ? s->crash_us : BH_CRASH_COST_US;
	int64_t each = cost_us * 1000 * SHARE / s->board->workers_wanted;

	if (*next < now)
		*next = now;
	*next += each;
	if (*next > now + (BURST_MS + MOST_MS) * BH_NS_PER_MS)
		*next = now + (BURST_MS + MOST_MS) * BH_NS_PER_MS;
	return *next - BURST_MS * BH_NS_PER_MS;
}

bool bh_hold(struct bh_ksvc *s, const struct bh_crash_facts *f)
{
	struct bh_kernel *k = s->kernel;

	if (!f->task || k->stop != BH_STOP_NOT || !bh_crash_own_fault(f))
		return false;
	int64_t until = due(s, f->type);
	if (until <= k->now_ns || s->n_held == BH_HELD)
		return false;
	s->held[s->n_held++] = (struct bh_kheld){ f->task, until };
	bh_wake_by(k, until);
	return true;
}

bool bh_held(void *ctx, uint32_t idx)
{
	const struct bh_ksvc *s = ctx;

	for (uint32_t i = 0; i < s->n_held; i++)
		if (bh_handle_idx(s->held[i].task) == idx)
			return true;
	return false;
}

static void release_due(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;
	uint32_t left = 0;

	for (uint32_t i = 0; i < s->n_held; i++) {
		struct bh_kheld h = s->held[i];

		if (h.until_ns > k->now_ns && k->stop == BH_STOP_NOT) {
			bh_wake_by(k, h.until_ns);
			s->held[left++] = h;
		} else if (!bh_recover_task(&s->v, h.task, false, BH_END_CRASHED, 0, &s->ops)) {
			bh_verify_start(s, false); /* it owned much: the scan goes on */
		}
	}
	s->n_held = left;
}

void bh_phase_hold(struct bh_kernel *k)
{
	bh_for_each_service(s, k) {
		if (!s->mapped || bh_service_resetting(s))
			s->n_held = 0; /* they are gone with their arena */
		else if (s->n_held)
			release_due(s);
	}
}
