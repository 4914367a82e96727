/* SPDX-License-Identifier: MIT */
/* heir.h: a replacement that is made before the slot is recovered. */
#ifndef BH_KERNEL_WORKER_HEIR_H
#define BH_KERNEL_WORKER_HEIR_H

#include "ipc/system/control.h"
#include "kernel/base/state.h"

/* Asks for the next worker of the slot of @c, whose last one has just died. Without effect if
 * there will be none, or no zygote can be asked: then bh_worker_start() does it. */
void bh_heir_ask(struct bh_child *c);

/* True: @m names the heir of @c's slot, and @pidfd is kept. False: it is about another
 * process, or there is no heir. @real: it names a child that no entry stands for. */
bool bh_heir_forked(struct bh_child *c, const struct bh_ctl *m, int pidfd, bool real);

/* The slot's heir, which is the caller's from now on; epoch 0: there is none. */
struct bh_kheir bh_heir_take(struct bh_child *c);

/* No process is to take over: ends the heir if there is one. */
void bh_heir_drop(struct bh_child *c);

/* The zygote has died: an heir that was not told of by then may never be made. */
void bh_heirs_lost(struct bh_ksvc *s);

#endif
