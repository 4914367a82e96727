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
	k->child[BH_PROCS_ADMIND].life.owed = k->child[BH_PROCS_TRACED].life.owed = true;
}

void bh_system_changed(struct bh_kernel *k)
{
	k->changed = true;
}
