/* SPDX-License-Identifier: MIT */
/* page.h: shared by the killed service and the program that kills it. */
#ifndef BH_BENCH_PAGE_H
#define BH_BENCH_PAGE_H

#include <stdatomic.h>
#include <stdint.h>

struct page {
	_Atomic int32_t pid;       /* of the worker that polls; stored last */
	_Atomic int64_t polled_ns; /* its first poll; CLOCK_MONOTONIC */
	_Atomic uint32_t sleepers;
	_Atomic uint32_t due;    /* of these, how many wake up once, soon */
	_Atomic uint32_t woken;  /* and have done so */
	_Atomic int64_t late_ns; /* of a timer that fires all the time: the worst */
};

#endif
