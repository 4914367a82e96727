/* SPDX-License-Identifier: MIT */
/* heir.h: a replacement that is made before the slot is recovered. */
#ifndef BH_KERNEL_SERVICE_HEIR_H
#define BH_KERNEL_SERVICE_HEIR_H

#include "ipc/system/control.h"
#include "kernel/base/state.h"

/* Asks for the next worker of @slot, whose last one has just died. Without effect if there
 * will be none, or nobody can be asked: then bh_worker_start() does it. */
void bh_heir_ask(struct bh_ksvc *s, uint32_t slot);

/* True: @m tells who the heir of @idx is, and @pidfd is kept. False: it is about somebody
 * else, or there is no heir. @real: it names a child that nobody is known to be. */
bool bh_heir_forked(struct bh_kernel *k, uint32_t idx, const struct bh_ctl *m, int pidfd,
		    bool real);

/* The zygote has died: who was not told of by then may never be made. */
void bh_heirs_lost(struct bh_ksvc *s);

#endif
