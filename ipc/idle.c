/* SPDX-License-Identifier: MIT */
#include "idle.h"

#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Shared futexes (no FUTEX_PRIVATE_FLAG): waiter and waker are processes. */
void bh_futex_wait(_Atomic uint32_t *park, uint32_t expected, int64_t timeout_ns)
{
	struct timespec ts = { .tv_sec = timeout_ns / 1000000000,
			       .tv_nsec = timeout_ns % 1000000000 };

	syscall(SYS_futex, park, FUTEX_WAIT, expected, timeout_ns < 0 ? NULL : &ts, NULL, 0);
}

void bh_unpark(_Atomic uint32_t *park)
{
	if (bh_xchg(park, BH_AWAKE) == BH_PARKED)
		syscall(SYS_futex, park, FUTEX_WAKE, 1, NULL, NULL, 0);
}
