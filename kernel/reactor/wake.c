/* SPDX-License-Identifier: MIT */
/* wake.c: see wake.h. */
#include "kernel/reactor/wake.h"

#include "ipc/protocol/enqueue.h"
#include "kernel/reactor/events.h"

/* Killed between the wake-up and the queueing: a successor's scan queues it. */
void bh_task_wake(struct bh_ksvc *s, uint32_t idx, enum bh_event_kind why, uint64_t what)
{
	struct bh_tcb *t = bh_tcb_at(&s->v, idx);

	if (!t || bh_state_wake(&t->state, 0, 0) != BH_WAKE_QUEUE)
		return;
	bh_record_woken(s, idx, why, what);
	bh_enqueue_shared(&s->v, idx);
}
