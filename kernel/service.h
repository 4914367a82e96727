/* SPDX-License-Identifier: MIT */
/* service.h: a service's arena, zygote and twin. */
#ifndef BH_KERNEL_SERVICE_H
#define BH_KERNEL_SERVICE_H

#include "ipc/control.h"
#include "kernel/state.h"

/* With a new arena. It cannot: bh_start_failed(). */
void bh_service_start(struct bh_ksvc *s);

/* Maps the arena and watches its descriptors: for bh_service_start() and attach. */
int bh_service_open(struct bh_ksvc *s);

void bh_zygote_ready(struct bh_ksvc *s, const struct bh_ctl *m);
void bh_twin_start(struct bh_ksvc *s);
void bh_twin_made(struct bh_ksvc *s, const struct bh_ctl *m, int pidfd);

/* A new kernel's way to a twin: takes it up, asks for it or starts it. */
void bh_twin_ask(struct bh_ksvc *s);

/* Zygote or twin in entry @idx died. @starting: it was, before its last words were read. */
void bh_zygote_died(struct bh_ksvc *s, uint32_t idx, int status, bool starting);

#endif
