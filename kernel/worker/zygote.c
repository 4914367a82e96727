/* SPDX-License-Identifier: MIT */
/* zygote.c: see zygote.h. Its states are those of the service (service.c). */
#include "kernel/worker/zygote.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/base/clock.h"
#include "kernel/base/text.h"
#include "kernel/failure/crash.h"
#include "kernel/failure/facts.h"
#include "kernel/process/exec.h"
#include "kernel/process/lifeline.h"
#include "kernel/process/request.h"
#include "kernel/process/services.h"
#include "kernel/process/spawn.h"
#include "kernel/process/table.h"
#include "kernel/process/wire.h"
#include "kernel/service/reset.h"
#include "kernel/service/service.h"
#include "kernel/service/start.h"
#include "kernel/worker/heir.h"
#include "kernel/worker/resize.h"
#include "kernel/worker/twin.h"
#include "kernel/worker/worker.h"

/* The kernel is told as a zygote would tell it. */
static __attribute__((format(printf, 2, 3))) int zygote_fails(int err, const char *fmt, ...)
{
	struct bh_ctl m = { .op = BH_CTL_READY, .ready.result = err };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(m.ready.why, sizeof(m.ready.why), fmt, ap);
	va_end(ap);
	bh_ctl_send(BH_CTL_FD, &m, -1);
	return 111;
}

static int zygote_main(struct bh_child *c, int ctl)
{
	const struct bh_kernel *k = c->k;
	const struct bh_ksvc *s = c->s;
	const struct bh_plan_service *plan = s->plan;
	int image = k->images->host[s->id], module = k->images->module[s->id];
	int fds[7 + 2 * BH_MAX_REACTORS + BH_PLAN_LISTEN] = { BH_PLAN_FD, ctl,
							      (int)s->board->arena_memfd,
							      (int)s->board->doorbell };
	char number[16];
	char *argv[] = { (char *)(uintptr_t)plan->host, (char *)(uintptr_t) "--zygote",
			 (char *)(uintptr_t)plan->name, NULL };
	int n = 4, err;

	for (uint32_t i = 0; i < s->v.l.reactors; i++) {
		fds[n++] = (int)s->board->epfd[i];
		fds[n++] = (int)s->board->kick[i];
	}
	for (uint32_t i = 0; i < plan->n_listen && i < BH_PLAN_LISTEN; i++)
		fds[n++] = plan->listen[i].fd;
	if ((err = bh_lifeline_join(k->lifeline)) >= 0) {
		fds[n++] = err;
		fds[n++] = module;
		fds[n++] = image;
		err = bh_exec_fds(fds, n, false);
		bh_exec_limit(&plan->limits);
	}
	snprintf(number, sizeof(number), "%u", s->id);
	setenv("BULKHEAD_SERVICE", number, 1);
	bh_exec_expendable();
	if (!err && (err = bh_exec_user(&plan->user)))
		return zygote_fails(err, "cannot become uid %u: %s%s", plan->user.uid,
				    strerror(-err),
				    err == -EPERM ? " (no CAP_SETUID, or not mapped here)" : "");
	if (!err)
		err = image < 0 ? image : bh_exec_image(3 + n - 1, argv);
	if (err == -EAGAIN) /* that user's limit */
		return zygote_fails(err, "cannot run it: %s%s", strerror(-err), bh_proc_hint(err));
	return zygote_fails(err, "cannot run %.60s: %.36s", plan->host, strerror(-err));
}

void bh_service_start(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;
	struct bh_board_service *b = s->board;
	char why[160];

	b->start_ns = k->now_ns;
	s->start_told_ns = 0;
	b->main_ended = 0;
	b->main_crashes.seen = 0;
	int err = bh_service_make(s);
	b->state = BH_PROC_STARTING;
	if (!err)
		err = bh_child_start(bh_zygote_child(s, BH_PROC_ZYGOTE), zygote_main);
	if (!err) {
		bh_servers_owe(k);
		return;
	}
	snprintf(why, sizeof(why), "%s%s", strerror(-err), bh_proc_hint(err));
	bh_start_failed(s, why);
}

void bh_zygote_ready(struct bh_ksvc *s, const struct bh_ctl *m)
{
	struct bh_child *z = bh_zygote_child(s, BH_PROC_ZYGOTE);
	int32_t result = m->ready.result;

	/* Asked to stop, it need not begin. */
	if (bh_child_state(z) != BH_PROC_STARTING || bh_service_resetting(s) ||
	    s->kernel->stop != BH_STOP_NOT)
		return;
	if (result) {
		bh_start_failed(s, m->ready.why[0] ? m->ready.why :
						     strerror(result < 0 ? -result : EPROTO));
		return;
	}
	bh_st_rel(&s->v.a->run_state, BH_RUN_RUNNING);
	bh_st_rel(&z->p->state, BH_PROC_UP);
	bh_resize_tell(s);
	for (uint32_t i = 0; i < s->board->workers_wanted; i++)
		bh_worker_start(bh_slot_child(s, i));
	bh_twin_start(s);
}

/* What the dead one was asked and did not do, its successor is asked. */
static void ask_again(struct bh_ksvc *s)
{
	bh_heirs_lost(s);
	bh_for_each_slot(c, s)
		if (bh_child_state(c) == BH_PROC_STARTING && c->p->pid == 0 && bh_worker_bump(c))
			bh_worker_ask(c);
	s->audit = s->closing = s->files = true;
	s->closing_at = 1;
}

static void promote(struct bh_child *dead, struct bh_child *twin, int status)
{
	struct bh_ksvc *s = dead->s;
	struct bh_crash_facts facts = {
		.service = s->id, .worker = UINT32_MAX, .status = status, .status_known = true
	};

	bh_st_rel(&dead->p->state, BH_PROC_DEAD);
	bh_crash_record(dead, &facts);
	s->board->zygote_restarts++;
	/* In this order: attach.c knows the dead one of two zygotes by its state. */
	twin->p->kind = BH_PROC_ZYGOTE;
	bh_compiler_barrier();
	dead->p->kind = BH_PROC_TWIN;
	bh_crash_replaced(dead, bh_clock_ns());
	bh_child_forget(dead);
	bh_st_rel(&dead->p->state, BH_PROC_FREE);
	ask_again(s);
	bh_twin_start(s);
}

void bh_zygote_died(struct bh_child *c, int status, bool starting)
{
	struct bh_ksvc *s = c->s;
	struct bh_child *twin = bh_zygote_child(s, BH_PROC_TWIN);
	char text[40], why[120];

	bh_twin_adopt(s);
	if (!starting && bh_child_state(twin) == BH_PROC_UP && !bh_child_dead(twin)) {
		promote(c, twin, status);
		return;
	}
	snprintf(why, sizeof(why), "the zygote %s%s", bh_death_text(status, text),
		 starting ? " while it was starting" : ", and it had no twin");
	if (starting)
		bh_start_failed(s, why);
	else
		bh_service_reset(s, why);
}
