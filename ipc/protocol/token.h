/* SPDX-License-Identifier: MIT */
/*
 * token.h: cancellation tokens: a flag that many tasks can wait for, in a tree.
 *
 * A token is a slot of a table of its own, so that a stale handle still leads to a
 * token, if another one. Its owner is the task that made it.
 *
 *     word   {generation, CROWDED, CANCELED}: the truth. Flags are set, never unset.
 *     cells  who is to be told: tasks, and child tokens (BH_TOKEN_CHILD). Hints: one
 *            that names somebody who is gone is free to take; one told too often
 *            looks, and sleeps again.
 *
 * Who finds no free cell sets CROWDED, and is then found by a scan: tasks by
 * BH_TASK_LISTENS, tokens by their `parent`. So a token with a handful of waiters
 * costs a handful of looks, one with a thousand a walk through the tables, and none
 * can be full.
 *
 * "Store mine, fence, look at yours" keeps a wake-up from being lost:
 *
 *     waiter:    cell = me, fence, word            canceler:  word, fence, cells
 *
 * Killed between the flag and the last cell, the canceler's journal names the token,
 * and recovery tells everybody (again). A token whose owner is gone is first
 * canceled, then freed.
 */
#ifndef BH_IPC_TOKEN_H
#define BH_IPC_TOKEN_H

#include "ipc/arena/arena.h"

/* How whoever cancels wakes a task: as a worker, or as the kernel. */
typedef void (*bh_token_wake_fn)(const struct bh_view *v, uint32_t idx, uint32_t gen);

/* 1: canceled; 0: not; -1: it is gone. */
int bh_token_check(const struct bh_view *v, uint64_t token);

/*
 * Has @who (a task's handle, or a token's with BH_TOKEN_CHILD) told when @token is
 * canceled; the caller looks at the token afterwards. Returns the cell to clear when
 * @who does not care any more; NULL: there was none. A task must have BH_TASK_LISTENS
 * set before that look. Commit: the CAS on the cell, or on the word.
 */
_Atomic uint64_t *bh_token_join(const struct bh_view *v, uint64_t token, uint64_t who);

/* Sets the flag of slot @idx if its generation is @gen (0: any); true: it was not
 * set before, and bh_token_tell() must follow. Commit: the CAS on the word. */
bool bh_token_set(const struct bh_view *v, uint32_t idx, uint32_t gen);

/*
 * Wakes all that wait for slot @idx and cancels its children. @anew: those that were
 * canceled before, too, for a walk that somebody died in. It takes at most @budget
 * looks: a worker may take as many as it likes (UINT64_MAX), the kernel takes
 * bh_token_budget(), which is enough but for an arena somebody scribbled in.
 */
void bh_token_tell(const struct bh_view *v, uint32_t idx, bool anew, bh_token_wake_fn wake,
		   uint64_t budget);
uint64_t bh_token_budget(const struct bh_view *v);

/* Cancels and frees slot @idx if @owner has it; true: it is free now, and the caller
 * gives it back to its pool. Commit: the CAS on the owner. */
bool bh_token_drop(const struct bh_view *v, uint32_t idx, uint64_t owner, bh_token_wake_fn wake,
		   uint64_t budget);

#endif
