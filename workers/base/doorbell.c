/* SPDX-License-Identifier: MIT */
#include "workers/base/doorbell.h"

#include <unistd.h>

#include "workers/base/rt.h"

void bh_doorbell(void)
{
	uint64_t one = 1;

	/* EAGAIN: the counter is full, so the bell is ringing already. */
	if (write(bh_rt.doorbell, &one, sizeof(one)) < 0)
		return;
}
