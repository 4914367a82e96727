/* SPDX-License-Identifier: MIT */
/*
 * format.h: the number of the format of shared memory: the plan, the board, the arenas, the
 * tracer's page, and the messages between kernel and children.
 *
 * The build derives the number from the headers that lay them out (cmake/Format.cmake). A
 * process that maps memory of another number leaves it alone and reports that.
 */
#ifndef BH_IPC_FORMAT_H
#define BH_IPC_FORMAT_H

#include <stddef.h>
#include <stdint.h>

extern const uint32_t bh_format;

/* Each of them begins with a magic number, and then the format: builds of all formats agree
 * on these two places. */
#define BH_FORMAT_STANDS_IN(type)                                                   \
	_Static_assert(offsetof(type, magic) == 0 && offsetof(type, format) == 8 && \
			       sizeof(((type *)0)->magic) == 8 &&                   \
			       sizeof(((type *)0)->format) == 4,                    \
		       "builds of all formats find it there")

#endif
