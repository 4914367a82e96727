/* SPDX-License-Identifier: MIT */
/* listen.h: listeners that tasks open. */
#ifndef BH_WORKERS_IO_LISTEN_H
#define BH_WORKERS_IO_LISTEN_H

#include "workers/base/rt.h"

/* Notes that listeners are opened at @port (a bh_address_key()), for whoever looks for
 * lost sockets. */
void bh_port_note(uint32_t port);

#endif
