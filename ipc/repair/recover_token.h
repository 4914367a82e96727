/* SPDX-License-Identifier: MIT */
/* recover_token.h: the tokens of dead tasks. */
#ifndef BH_IPC_RECOVER_TOKEN_H
#define BH_IPC_RECOVER_TOKEN_H

#include "ipc/arena/arena.h"

/* Cancels and frees token slot @idx if its owner is gone; all that @task owns; or
 * finishes with slot @idx what a dead worker's journal says. Idempotent. */
void bh_recover_token(const struct bh_view *v, uint32_t idx);
void bh_recover_tokens_of(const struct bh_view *v, uint64_t task);
void bh_recover_journal_token(const struct bh_view *v, uint32_t idx);

/* Cancels the service's own token, and tells all listeners (again): the successor of a
 * kernel killed in the middle calls this, too. */
void bh_token_cancel_service(const struct bh_view *v);

#endif
