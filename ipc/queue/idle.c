/* SPDX-License-Identifier: MIT */
#include "ipc/queue/idle.h"

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

void bh_unpark(_Atomic uint32_t *park, const int *kick)
{
	uint32_t was = bh_xchg(park, BH_AWAKE);

	if (was == BH_PARKED)
		syscall(SYS_futex, park, FUTEX_WAKE, 1, NULL, NULL, 0);
	else if (kick && bh_park_sleeps(was))
		bh_kick(kick[was - BH_PARKED_IN_EPOLL]);
}

void bh_unpark_again(_Atomic uint32_t *park)
{
	bh_st_rel(park, BH_AWAKE);
	syscall(SYS_futex, park, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void bh_kick(int kick)
{
	uint64_t one = 1;

	/* It never says EAGAIN: the counter only grows, and holds 2^64 kicks. */
	if (kick >= 0 && write(kick, &one, sizeof(one)) < 0)
		return;
}
