/* SPDX-License-Identifier: MIT */
/*
 * room.h: what is done when a limit is reached: it is counted for the log
 * (ipc/arena/shortage.h), and connections that have been idle the longest are asked to leave.
 */
#ifndef BH_WORKERS_TASK_ROOM_H
#define BH_WORKERS_TASK_ROOM_H

#include "workers/base/rt.h"

/* What is short, by the error that bh_accept() or bh_spawn() gave; BH_SHORTS: nothing is. */
enum bh_short bh_room_short_accept(int err);
enum bh_short bh_room_short_spawn(int err);

/* Asks those connections to leave that have waited the longest for their next request: they
 * are in bh_readable(), which tells them. Returns how many. Nobody waits for them, and one
 * whose request comes in this moment is served. */
uint32_t bh_room_make(void);

#endif
