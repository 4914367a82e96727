/* SPDX-License-Identifier: MIT */
/*
 * page.h: the page size of this machine: 4 KiB, or 16 or 64 on some arm64 machines. The process
 * that lays an arena out asks the same Linux as all processes that map it.
 */
#ifndef BH_IPC_PAGE_H
#define BH_IPC_PAGE_H

#include <stdint.h>
#include <unistd.h>

/* No system call: the C library has it from the start of the program. */
static inline uint64_t bh_page_bytes(void)
{
	return (uint64_t)getpagesize();
}

static inline uint64_t bh_page_down(uint64_t at)
{
	return at & ~(bh_page_bytes() - 1);
}

static inline uint64_t bh_page_up(uint64_t at)
{
	return bh_page_down(at + bh_page_bytes() - 1);
}

#endif
