/* SPDX-License-Identifier: MIT */
/* twin.h: the stand-in of a zygote. */
#ifndef BH_KERNEL_WORKER_TWIN_H
#define BH_KERNEL_WORKER_TWIN_H

#include "ipc/system/control.h"
#include "kernel/base/state.h"

/* The zygote is asked for another. */
void bh_twin_start(struct bh_ksvc *s);

/* What the zygote says of one that it was asked for. *pidfd is -1 after it if it is kept. */
void bh_twin_made(struct bh_ksvc *s, const struct bh_ctl *m, int *pidfd);

/* Which process it is Linux itself wrote to the arena, in the clone (ipc/base/clones.h).
 * The zygote is dead, or its message will find the twin known. */
void bh_twin_adopt(struct bh_ksvc *s);

/* A new kernel's way to a twin: takes it up, asks for it or starts it. */
void bh_twin_ask(struct bh_ksvc *s);

/* The twin @c is dead: there will be another. */
void bh_twin_died(struct bh_child *c, int status);

#endif
