/* SPDX-License-Identifier: MIT */
/* list.h: the inbox of an object, and the list of waiting claims; for the server (serve.h). */
#ifndef BH_IPC_SYNC_LIST_H
#define BH_IPC_SYNC_LIST_H

#include "ipc/arena/arena.h"

/* True if claim @idx is in the list. */
bool bh_sync_linked(const struct bh_view *v, const struct bh_sync *s, uint32_t idx);

/* Puts claim @idx behind claim @at of the list (0: first). Commit: the store of `next`, or of
 * `head`. */
void bh_sync_link(const struct bh_view *v, struct bh_sync *s, uint32_t at, uint32_t idx);

/* Takes claim @idx out if it is in the list. Commit: the same. */
void bh_sync_unlink(const struct bh_view *v, struct bh_sync *s, uint32_t idx);

/* Puts `prev` and `tail` right, and cuts a corrupt list off. */
void bh_sync_repair(const struct bh_view *v, struct bh_sync *s);

/* Pushes claim @idx on the inbox. By any process. Commit: the CAS. */
void bh_sync_push(const struct bh_view *v, struct bh_sync *s, uint32_t idx);

/* Moves the inbox to the list: BACK claims to its front, all others behind the waiting
 * claims. */
void bh_sync_drain(const struct bh_view *v, struct bh_sync *s);

/* Links the claim that @suspect, of object @idx, names if it needs a server and was not
 * posted. */
void bh_sync_check(const struct bh_view *v, struct bh_sync *s, uint32_t idx, uint64_t suspect);

#endif
