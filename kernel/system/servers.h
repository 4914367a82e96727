/* SPDX-License-Identifier: MIT */
/* servers.h: admind and traced. */
#ifndef BH_KERNEL_SYSTEM_SERVERS_H
#define BH_KERNEL_SYSTEM_SERVERS_H

#include "ipc/system/control.h"
#include "kernel/base/state.h"

void bh_server_start(struct bh_child *c);
void bh_server_died(struct bh_child *c, int status, bool known);

/* It says that it serves. */
void bh_server_up(struct bh_child *c);

/* traced's page: kept, for each admind to come. *fd is the caller's to close after it, or -1. */
void bh_server_page(struct bh_child *c, const struct bh_ctl *m, int *fd);

/* Phase: pays what is owed. */
void bh_phase_servers(struct bh_kernel *k);

#endif
