/* SPDX-License-Identifier: MIT */
/* verify.c: the verifying scan that follows a death, a part in each turn. */
#include "kernel/repair/verify.h"

#include "ipc/protocol/files.h"
#include "ipc/repair/verify.h"
#include "kernel/base/log.h"
#include "kernel/base/watch.h"
#include "kernel/process/services.h"
#include "kernel/process/table.h"
#include "kernel/repair/lostfds.h"

enum {
	VERIFY_ENTRIES = 4096, /* in one turn */
	VERIFY_PAUSE_US = 200, /* between two turns: the workers need the CPU */
};

/* A worker that is dead and not recovered has a task that recovery must find, not
 * the scan: only recovery knows how it died. */
bool bh_worker_unrecovered(const struct bh_ksvc *s)
{
	bh_for_each_slot(c, s)
		if (bh_child_state(c) == BH_PROC_DEAD)
			return true;
	return false;
}

static void scan(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;

	if (!bh_worker_unrecovered(s) && bh_verify_step(&s->v, &s->scan, VERIFY_ENTRIES, &s->ops)) {
		if (s->scan.repaired)
			bh_log("service %s: the verifying scan repaired %llu entries",
			       s->plan->name, (unsigned long long)s->scan.repaired);
		/* Of tasks that went with the dead process's slot. */
		s->files |= bh_files_lose(&s->v, 0) != 0;
		s->scanning = s->scan_again;
		s->scan = (struct bh_verify){ .requeue = s->requeue_again };
		s->scan_again = s->requeue_again = false;
	}
	if (s->scanning)
		bh_wake_by(k, k->now_ns + VERIFY_PAUSE_US * 1000);
}

void bh_phase_verify(struct bh_kernel *k)
{
	bh_for_each_running_service(s, k) {
		if (s->scanning)
			scan(s);
		bh_lostfds_look(s);
	}
}
