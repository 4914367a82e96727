/* SPDX-License-Identifier: MIT */
/*
 * format.h: the number of what is in shared memory: the plan, the board, the arenas, the
 * tracer's page, and the messages between kernel and children.
 *
 * It is derived from the headers that lay them out (cmake/Format.cmake), so nobody has to
 * think of changing it. Who maps something of another number leaves it alone and says so.
 */
#ifndef BH_IPC_FORMAT_H
#define BH_IPC_FORMAT_H

#include <stdint.h>

extern const uint32_t bh_format;

#endif
