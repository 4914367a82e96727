/* SPDX-License-Identifier: MIT */
/* request.c: see request.h. */
#include "kernel/process/request.h"
#include "ipc/repair/verify.h"

void bh_verify_start(struct bh_ksvc *s, bool requeue)
{
	if (s->scanning) {
		s->scan_again = true;
		s->requeue_again |= requeue;
		return;
	}
	s->scanning = true;
	s->scan = (struct bh_verify){ .requeue = requeue };
}

void bh_servers_owe(struct bh_kernel *k)
{
	k->proc[BH_PROCS_ADMIND].owed = k->proc[BH_PROCS_TRACED].owed = true;
}

void bh_system_changed(struct bh_kernel *k)
{
	k->changed = true;
}
