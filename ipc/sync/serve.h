/* SPDX-License-Identifier: MIT */
/*
 * serve.h: sync objects: how tasks get permits, in the order in which they asked.
 *
 * An object has permits (a mutex 1, a rwlock BH_SYNC_ALL, a semaphore its initial count, a
 * notice its posts), and tasks have claims to them. A claim is the truth about what one task
 * waits for or holds; the object's list only has the order. Available: all permits ever put
 * in (`asked`) less those taken out (`taken`).
 *
 * A process changes a claim or `asked` by one instruction, and then has the object served:
 *
 *     ask        claim NEW -> ASKS, pushed on the inbox, serve
 *     give up    claim ASKS -> GONE, serve
 *     give back  claim HELD -> BACK, pushed on the inbox, serve
 *     put in     `asked` += n, serve
 *
 * One process at a time, the server, has `lock`. A process that finds it taken sets PENDING
 * there and goes on; the server gives the lock back by a CAS that fails if PENDING was set,
 * and then serves again. So no process waits for the lock, and a stopped server delays only
 * tasks that wait for this object. The server moves the inbox to the list, takes BACK and GONE
 * out, and grants to the oldest: ASKS -> HELD, and wakes.
 *
 * Crash of a server: `lock` names the dead worker, its journal the object. Recovery takes the
 * lock over, puts the list right, finishes the step that `step` names, and serves. Each part
 * is left so that recovery can go on:
 *
 *   inbox    a claim is put in the list first and is cut from the inbox last; a claim in
 *            both is not put in the list again (linked())
 *   list     `next` from head on is the truth, each change of it one store; `prev` and
 *            `tail` follow from it
 *   grant    `step` = {GRANT, claim, taken after it}; out of the list; ASKS -> HELD;
 *            `taken`; wake; `step` = 0. The claim's word says whether it was granted
 *   take out `step` = {DROP, claim, taken after it}; `taken`; out of the list; FREE; 0
 *   post     after a death between the change of the claim and the push, the journal names
 *            the claim, and the scan finds it by the incarnation in its word: it becomes
 *            `suspect`, and is put in the list if it is not there
 *
 * The server frees a claim that is in neither list nor inbox; its task frees a claim granted
 * for good, or refused.
 *
 * A closed object refuses all claims. Its slot's list goes on: a claim of an older generation
 * is refused, or dropped, and changes nothing of the newer object.
 */
#ifndef BH_IPC_SERVE_H
#define BH_IPC_SERVE_H

#include "ipc/arena/arena.h"

/* The serving process: an incarnation of a worker, or the kernel. */
struct bh_server {
	const struct bh_view *v;
	struct bh_slot *w; /* its slot; NULL: the kernel */
	uint32_t slot, epoch;
	uint64_t self; /* the task that runs here, which needs no wake-up */
	void (*wake)(const struct bh_view *v, uint32_t idx, uint32_t gen);
};

/* The object's word if @sync names an open object; else 0. */
static inline uint64_t bh_sync_look(const struct bh_view *v, uint64_t sync)
{
	struct bh_sync *s = bh_sync_at(v, bh_handle_idx(sync));
	uint64_t w = s ? bh_ld_acq(&s->word) : 0;

	return (w >> 32) == bh_handle_gen(sync) && !(w & BH_SYNC_CLOSED) ? w : 0;
}

/* The number of permits available now. */
static inline uint32_t bh_sync_available(const struct bh_sync *s)
{
	int32_t n = (int32_t)((uint32_t)bh_ld_acq(&s->asked) - bh_ld_rlx(&s->taken));

	return n > 0 ? (uint32_t)n : 0;
}

/* Serves object @idx, or leaves the work to its present server. */
void bh_sync_serve(const struct bh_server *sv, uint32_t idx);

/* Takes the lock of object @idx, for the process that sets up the slot; false: another
 * process serves it. Then bh_sync_serve_end(). Commit: the CAS. */
bool bh_sync_serve_begin(const struct bh_server *sv, uint32_t idx);

/* Serves, and gives the lock back. Commit: the CAS. */
void bh_sync_serve_end(const struct bh_server *sv, uint32_t idx);

/* Takes the lock from dead incarnation {@slot, @epoch}, if it has it, and serves on. By the
 * kernel. */
void bh_sync_serve_recover(const struct bh_server *sv, uint32_t idx, uint32_t slot, uint32_t epoch);

/* The incarnation that has the lock; false: none. */
bool bh_sync_serve_holder(const struct bh_sync *s, uint32_t *slot, uint32_t *epoch);

#endif
