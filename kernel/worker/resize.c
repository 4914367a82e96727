/* SPDX-License-Identifier: MIT */
/*
 * resize.c: more or fewer workers at run time.
 *
 * The arena, the board and the process table have room for the most there may be. How
 * many are wanted stands on the board, which is the kernel's own, and, for the workers
 * to see, in the arena. Those beyond it go by themselves when they can (workers/
 * retire.c); nobody is ended for it.
 */
#include "kernel/worker/resize.h"

#include "ipc/protocol/blocking.h"
#include "kernel/base/log.h"
#include "kernel/process/services.h"
#include "kernel/process/table.h"
#include "kernel/worker/worker.h"

void bh_service_resize(struct bh_ksvc *s, uint32_t wanted)
{
	struct bh_kernel *k = s->kernel;
	uint32_t before = s->board->workers_wanted;

	if (wanted < 1 || wanted > s->workers || wanted == before || k->stop != BH_STOP_NOT)
		return;
	bh_log("service %s: %u worker%s instead of %u", s->plan->name, wanted,
	       wanted == 1 ? "" : "s", before);
	s->board->workers_wanted = wanted;
	if (!s->mapped || bh_service_resetting(s))
		return; /* it starts with so many */
	bh_resize_tell(s);
	if (bh_service_loading(s))
		return;
	for (uint32_t i = 0; i < wanted; i++)
		if (bh_child_state(bh_slot_child(s, i)) == BH_PROC_FREE)
			bh_worker_start(bh_slot_child(s, i));
}

/* Killed after it told and before a worker was started: attach.c starts it. */
void bh_resize_tell(struct bh_ksvc *s)
{
	/* As with a queue: this store is the push, and who goes to sleep looks. */
	bh_st_rel(&s->v.a->workers_wanted, s->board->workers_wanted);
	for (uint32_t i = s->board->workers_wanted; i < s->workers; i++)
		if (bh_idle_pick_one(&s->v.a->idle, i))
			bh_unpark(&s->v.workers[i].park, s->v.kick);
}

void bh_resize_dismiss(struct bh_ksvc *s)
{
	bh_st_rel(&s->v.a->workers_wanted, 0);
	for (uint32_t i = 0; i < s->workers; i++)
		if (bh_idle_pick_one(&s->v.a->idle, i))
			bh_unpark(&s->v.workers[i].park, s->v.kick);
	for (uint32_t i = 0; i < s->board->blocking_mark && bh_blocking_pick(&s->v); i++)
		;
}
