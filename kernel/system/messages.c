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
#include "kernel/reactor/events.h"
#include "kernel/repair/lostfds.h"
#include "kernel/repair/quarantine.h"
#include "kernel/system/lifecycle.h"
#include "kernel/system/servers.h"
#include "kernel/worker/resize.h"
#include "kernel/worker/twin.h"
#include "kernel/worker/worker.h"
#include "kernel/worker/zygote.h"

enum {
	BUDGET = 64, /* messages of one child in one turn */
};

static void on_ready(struct bh_child *c, const struct bh_ctl *m, int *fd)
{
	(void)fd;
	bh_zygote_ready(c->s, m);
}

static void on_forked(struct bh_child *c, const struct bh_ctl *m, int *fd)
{
	bh_worker_forked(c->s, m, fd);
}

static void on_twin(struct bh_child *c, const struct bh_ctl *m, int *fd)
{
	bh_twin_made(c->s, m, fd);
}

static void on_audit_fds(struct bh_child *c, const struct bh_ctl *m, int *fd)
{
	(void)m, (void)fd;
	bh_audit_again(c->s);
}

static void on_stop(struct bh_child *c, const struct bh_ctl *m, int *fd)
{
	(void)fd;
	bh_stop(c->k, m->stop.now == 1);
}

static void on_workers(struct bh_child *c, const struct bh_ctl *m, int *fd)
{
	(void)fd;
	if (m->workers.service < c->k->plan->n_services)
		bh_service_resize(&c->k->svc[m->workers.service], m->workers.count);
}

static void on_lift(struct bh_child *c, const struct bh_ctl *m, int *fd)
{
	(void)fd;
	if (m->lift.service < c->k->plan->n_services)
		bh_quarantine_lift(&c->k->svc[m->lift.service], m->lift.type, &m->lift.key);
}

static void on_hello(struct bh_child *c, const struct bh_ctl *m, int *fd)
{
	(void)m, (void)fd;
	bh_server_up(c);
}

static void on_record(struct bh_child *c, const struct bh_ctl *m, int *fd)
{
	(void)fd;
	bh_record(c->k, m->record.ms);
}

static void on_trace_page(struct bh_child *c, const struct bh_ctl *m, int *fd)
{
	bh_server_page(c, m, fd);
	bh_server_up(c);
}

#define FROM(kind) (1u << BH_PROC_##kind)

/* What is said to the kernel, by which kinds of process, and what is done about it. A function
 * that keeps the descriptor stores -1 in its place. All else is dropped. */
static const struct {
	uint32_t from;
	void (*fn)(struct bh_child *c, const struct bh_ctl *m, int *fd);
} messages[BH_CTL_COUNT] = {
	[BH_CTL_READY] = { FROM(ZYGOTE) | FROM(TWIN), on_ready },
	[BH_CTL_FORKED] = { FROM(ZYGOTE) | FROM(TWIN), on_forked },
	[BH_CTL_TWIN] = { FROM(ZYGOTE) | FROM(TWIN), on_twin },
	[BH_CTL_AUDIT_FDS] = { FROM(ZYGOTE) | FROM(TWIN), on_audit_fds },
	[BH_CTL_STOP] = { FROM(ADMIND), on_stop },
	[BH_CTL_WORKERS] = { FROM(ADMIND), on_workers },
	[BH_CTL_LIFT] = { FROM(ADMIND), on_lift },
	[BH_CTL_HELLO] = { FROM(ADMIND), on_hello },
	[BH_CTL_RECORD] = { FROM(ADMIND), on_record },
	[BH_CTL_TRACE_PAGE] = { FROM(TRACED), on_trace_page },
};

static void handle(struct bh_child *c, const struct bh_ctl *m, int fd)
{
	if (m->op < BH_CTL_COUNT && messages[m->op].from & 1u << c->p->kind)
		messages[m->op].fn(c, m, &fd);
	if (fd >= 0)
		close(fd);
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
