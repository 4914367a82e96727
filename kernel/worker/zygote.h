/* SPDX-License-Identifier: MIT */
/* zygote.h: the process that a service's workers are forked from. */
#ifndef BH_KERNEL_WORKER_ZYGOTE_H
#define BH_KERNEL_WORKER_ZYGOTE_H

#include "ipc/system/control.h"
#include "kernel/base/state.h"

/* With a new arena. It cannot: bh_start_failed(). */
void bh_service_start(struct bh_ksvc *s);

/* The zygote says that it is ready, or why it will never be. */
void bh_zygote_ready(struct bh_ksvc *s, const struct bh_ctl *m);

/* Zygote @c died. @starting: it was, before its last words were read. */
void bh_zygote_died(struct bh_child *c, int status, bool starting);

#endif
