/* SPDX-License-Identifier: MIT */
/*
 * serve.h: sync objects: who gets what, in the order in which they asked.
 *
 * An object has permits (a mutex one, a rwlock as many as it likes, a semaphore what it
 * was given, a notice those that were posted), and tasks have claims to them. A claim is
 * the truth about what one task waits for or holds; the object's list only says in which
 * order. Available is what was ever put in (`asked`) less what is taken out (`taken`).
 *
 * Whoever changes anything does it by one instruction on a claim or on `asked`, and then
 * has the object served:
 *
 *     ask        claim NEW -> ASKS, pushed on the inbox, serve
 *     give up    claim ASKS -> GONE, serve
 *     give back  claim HELD -> BACK, pushed on the inbox, serve
 *     put in     `asked` += n, serve
 *
 * One serves at a time: who takes `lock`. Who finds it taken sets PENDING there and goes on;
 * who serves gives the lock back by a CAS that fails if PENDING was set, and then looks once
 * more. So nobody waits for the lock, and one that is stopped with it delays only those who
 * wait for this object. The server moves the inbox to the list, takes BACK and GONE out, and
 * grants to the oldest: ASKS -> HELD, and wakes.
 *
 * Killed while it serves: `lock` names the dead, its journal the object. Recovery takes the
 * lock over, puts the list right, finishes the step that `step` names, and serves. Why each
 * is left as one can go on from it:
 *
 *   inbox    a claim is put in the list first and is cut from the inbox last; one that is
 *            in both is not put in the list again (linked())
 *   list     `next` from head on is the truth, each change of it one store; `prev` and
 *            `tail` follow from it
 *   grant    `step` = {GRANT, claim, taken after it}; out of the list; ASKS -> HELD;
 *            `taken`; wake; `step` = 0. Whether it was granted, the claim's word says
 *   take out `step` = {DROP, claim, taken after it}; `taken`; out of the list; FREE; 0
 *   post     killed between the change of the claim and the push, the journal names the
 *            claim, and so does the scan, by the incarnation in its word: it is `suspect`,
 *            and put in the list if it is not there
 *
 * A claim is freed by who serves when it is in neither list nor inbox, or (granted for
 * good, refused) by its task.
 *
 * An object that is gone answers to all claims: REFUSED. Its slot's list goes on: a claim
 * of an older generation is refused, or dropped, and changes nothing of the newer.
 */
#ifndef BH_IPC_SERVE_H
#define BH_IPC_SERVE_H

#include "ipc/arena/arena.h"

/* Who serves: an incarnation of a worker, or the kernel. */
struct bh_server {
	const struct bh_view *v;
	struct bh_slot *w; /* its slot; NULL: the kernel */
	uint32_t slot, epoch;
	uint64_t self; /* the task that runs here, which need not be woken */
	void (*wake)(const struct bh_view *v, uint32_t idx, uint32_t gen);
};

/* The object's word if @sync names one that is there; 0. */
static inline uint64_t bh_sync_look(const struct bh_view *v, uint64_t sync)
{
	struct bh_sync *s = bh_sync_at(v, bh_handle_idx(sync));
	uint64_t w = s ? bh_ld_acq(&s->word) : 0;

	return (w >> 32) == bh_handle_gen(sync) && !(w & BH_SYNC_CLOSED) ? w : 0;
}

/* What could be taken out now. */
static inline uint32_t bh_sync_available(const struct bh_sync *s)
{
	int32_t n = (int32_t)((uint32_t)bh_ld_acq(&s->asked) - bh_ld_rlx(&s->taken));

	return n > 0 ? (uint32_t)n : 0;
}

/* Does what there is to do at object @idx, or leaves it to who serves it already. */
void bh_sync_serve(const struct bh_server *sv, uint32_t idx);

/* Takes the lock of object @idx, of which nobody else but who fills the slot needs to know;
 * false: it is served. Then bh_sync_serve_end(). Commit: the CAS. */
bool bh_sync_serve_begin(const struct bh_server *sv, uint32_t idx);

/* Serves, and gives the lock back. Commit: the CAS. */
void bh_sync_serve_end(const struct bh_server *sv, uint32_t idx);

/* Takes the lock from incarnation {@slot, @epoch}, which is dead, if it has it, and goes on.
 * By the kernel. */
void bh_sync_serve_recover(const struct bh_server *sv, uint32_t idx, uint32_t slot, uint32_t epoch);

/* Who has the lock; false: nobody. */
bool bh_sync_serve_holder(const struct bh_sync *s, uint32_t *slot, uint32_t *epoch);

#endif
