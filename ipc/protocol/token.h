/* SPDX-License-Identifier: MIT */
/*
 * token.h: cancellation tokens: a flag that many tasks can wait for, in a tree.
 *
 * Tokens have a table of their own, so that even a stale handle leads to a token, if
 * another. A token's owner is the task that made it.
 *
 *     word   {generation, CROWDED, CANCELED}: the truth. Flags are set, never unset.
 *     cells  the listeners: tasks, and child tokens (BH_TOKEN_CHILD). Hints: a cell
 *            that names a dead listener is free to take; a listener told too often
 *            checks, and sleeps again.
 *
 * A listener that finds no free cell sets CROWDED, and is then found by a scan: tasks
 * by BH_TASK_LISTENS, tokens by their `parent`. So a token with a handful of waiters
 * costs a handful of looks, with a thousand waiters a walk through the tables, and no
 * token can be full.
 *
 * "Store mine, fence, look at yours" keeps a wake-up from being lost:
 *
 *     waiter:    cell = me, fence, word            canceler:  word, fence, cells
 *
 * Killed between the flag and the last cell, the canceler's journal names the token,
 * and recovery tells all listeners (again). A token without a living owner is first
 * canceled, then freed.
 */
#ifndef BH_IPC_TOKEN_H
#define BH_IPC_TOKEN_H

#include "ipc/arena/arena.h"

/* How the canceler wakes a task: as a worker, or as the kernel. */
typedef void (*bh_token_wake_fn)(const struct bh_view *v, uint32_t idx, uint32_t gen);

/* 1: canceled; 0: not; -1: the token is gone. */
int bh_token_check(const struct bh_view *v, uint64_t token);

/*
 * Adds listener @who (a task's handle, or a token's with BH_TOKEN_CHILD) to @token;
 * the caller checks the token afterwards. Returns the cell to clear when @who stops to
 * listen; NULL: no cell was free. A task must then have BH_TASK_LISTENS set before the
 * check. Commit: the CAS on the cell, or on the word.
 */
_Atomic uint64_t *bh_token_join(const struct bh_view *v, uint64_t token, uint64_t who);

/* Sets the flag of slot @idx if its generation is @gen (0: any); true: it was not
 * set before, and bh_token_tell() must follow. Commit: the CAS on the word. */
bool bh_token_set(const struct bh_view *v, uint32_t idx, uint32_t gen);

/*
 * Wakes all tasks that wait for slot @idx and cancels its children. @anew: walks children
 * canceled before, too, because an earlier walk may have died. The walk takes at most
 * @budget looks: a worker's is unlimited (UINT64_MAX), the kernel's is bh_token_budget(),
 * which is enough unless stray writes damaged the arena.
 */
void bh_token_tell(const struct bh_view *v, uint32_t idx, bool anew, bh_token_wake_fn wake,
		   uint64_t budget);
uint64_t bh_token_budget(const struct bh_view *v);

/* Cancels and frees slot @idx if @owner has it; true: the slot is free now, and the caller
 * gives it back to its pool. Commit: the CAS on the owner. */
bool bh_token_drop(const struct bh_view *v, uint32_t idx, uint64_t owner, bh_token_wake_fn wake,
		   uint64_t budget);

#endif
