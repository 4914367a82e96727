/* SPDX-License-Identifier: MIT */
/*
 * messages.c: messages between the kernel and its children (ipc/system/control.h).
 *
 * A message is looked at, acted upon (which puts its outcome on the board), and
 * only then taken off the socket: a kernel that is killed in between leaves it
 * for its successor, who does the same again.
 */
#include "kernel/system/messages.h"

#include <sys/socket.h>
#include <unistd.h>

#include "ipc/system/control.h"
#include "kernel/base/watch.h"
#include "kernel/process/table.h"
#include "kernel/process/wire.h"
#include "kernel/repair/lostfds.h"
#include "kernel/service/twin.h"
#include "kernel/service/worker.h"
#include "kernel/service/zygote.h"
#include "kernel/system/servers.h"

enum {
	BUDGET = 64, /* messages of one child in one turn */
};

/* What a message carries is its handler's to keep or close. */
static void handle_service(struct bh_ksvc *s, const struct bh_ctl *m, int fd)
{
	switch (m->op) {
	case BH_CTL_READY:
		bh_zygote_ready(s, m);
		break;
	case BH_CTL_FORKED:
		bh_worker_forked(s, m, fd);
		return;
	case BH_CTL_TWIN:
		bh_twin_made(s, m, fd);
		return;
	case BH_CTL_AUDIT_FDS:
		bh_audit_again(s);
		break;
	default:
		break;
	}
	if (fd >= 0)
		close(fd);
}

static void handle(struct bh_child *c, const struct bh_ctl *m, int fd)
{
	if (c->s)
		handle_service(c->s, m, fd);
	else
		bh_server_message(c, m, fd);
}

void bh_control_drain(struct bh_child *c)
{
	struct bh_ctl m;
	int fd, got;

	for (int i = 0; i < BUDGET && c->p->ctl >= 0; i++) {
		int ctl = c->p->ctl;

		got = bh_ctl_peek(ctl, &m, &fd);
		if (got == 0)
			return;
		if (got < 0) {
			/* The peer closed its end; its death is a matter of its pidfd. */
			bh_unwatch(c->k, ctl);
			return;
		}
		handle(c, &m, fd);
		/* Without room for descriptors: those that come along are dropped. */
		if (c->p->ctl == ctl && recv(ctl, &m, sizeof(m), MSG_DONTWAIT | MSG_TRUNC) < 0)
			return;
	}
}

void bh_phase_control(struct bh_kernel *k)
{
	bh_for_each_child(c, k, BH_PROCS_KERNEL)
		if (c->life.ctl_ready) {
			c->life.ctl_ready = false;
			bh_control_drain(c);
		}
}
