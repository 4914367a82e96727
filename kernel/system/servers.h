/* SPDX-License-Identifier: MIT */
/* servers.h: admind and traced. */
#ifndef BH_KERNEL_SYSTEM_SERVERS_H
#define BH_KERNEL_SYSTEM_SERVERS_H

#include "ipc/system/control.h"
#include "kernel/base/state.h"

void bh_server_start(struct bh_child *c);
void bh_server_died(struct bh_child *c, int status, bool known);
void bh_server_message(struct bh_child *c, const struct bh_ctl *m, int fd);

/* Phase: pays what is owed. */
void bh_phase_servers(struct bh_kernel *k);

#endif
