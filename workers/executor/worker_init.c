/* SPDX-License-Identifier: MIT */
/*
 * worker_init.c: the service's worker_init(), between the CAS that takes the slot and the
 * word that the process is ready: the kernel waits as for any worker that starts
 * (kernel/worker/worker.c), and hands it nothing meanwhile.
 *
 * A process that dies in it says so by `initing`, which stands in its slot with its
 * epoch.
 */
#include "workers/executor/worker_init.h"

#include <stdio.h>
#include <unistd.h>

#include "workers/base/rt.h"
#include "workers/crash/fork.h"
#include "workers/crash/lines.h"

void bh_worker_init(void)
{
	int (*init)(void) = bh_rt.service.worker_init;

	if (!init)
		return;
	bh_st_rlx(&bh_rt.me->init_error, 0);
	bh_st_rel(&bh_rt.me->initing, bh_rt.epoch + 1);
	int err = init();

	if (bh_rt.forked)
		bh_forked_end(err);
	if (err) {
		bh_st_rlx(&bh_rt.me->init_error, err);
		fflush(NULL);
		bh_lines_end();
		_exit(111);
	}
	bh_st_rel(&bh_rt.me->initing, 0);
}
