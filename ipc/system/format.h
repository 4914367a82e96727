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

#include <stddef.h>
#include <stdint.h>

extern const uint32_t bh_format;

/* In each of them stands a magic number first, and then this one: where they stand is what
 * builds of all formats agree on. */
#define BH_FORMAT_STANDS_IN(type)                                                   \
	_Static_assert(offsetof(type, magic) == 0 && offsetof(type, format) == 8 && \
			       sizeof(((type *)0)->magic) == 8 &&                   \
			       sizeof(((type *)0)->format) == 4,                    \
		       "builds of all formats find it there")

#endif
