/* SPDX-License-Identifier: MIT */
/*
 * kinds.c: the table of the kinds of process. What a kind may say on its control socket is in
 * messages.c.
 */
#include "kernel/system/kinds.h"

#include <signal.h>

#include "kernel/base/log.h"
#include "kernel/process/services.h"
#include "kernel/process/table.h"
#include "kernel/repair/death.h"
#include "kernel/system/messages.h"
#include "kernel/system/servers.h"
#include "kernel/worker/twin.h"
#include "kernel/worker/worker.h"
#include "kernel/worker/zygote.h"

static void start_service(struct bh_child *c)
{
	struct bh_ksvc *s = c->s;

	if (c->k->stop != BH_STOP_NOT)
		return;
	s->board->state = BH_PROC_FREE;
	if (!s->board->start_failures)
		bh_log("service %s starts again", s->plan->name);
	bh_service_start(s);
}

static void start_twin(struct bh_child *c)
{
	bh_twin_start(c->s);
}

/* If there are jobs still, it is found. */
static void free_slot(struct bh_child *c)
{
	bh_st_rel(&c->p->state, BH_PROC_FREE);
}

/* False: the guardian has yet to say how @c died. */
static bool told(const struct bh_child *c, int *status, bool *known)
{
	*known = bh_child_status(c, status);
	return *known || !bh_child_status_due(c);
}

static bool twin_died(struct bh_child *c)
{
	int status = 0;
	bool known;

	if (told(c, &status, &known)) {
		bh_twin_died(c, known ? status : SIGKILL);
		return true;
	}
	return false;
}

/* Its last words first: workers and a twin that it made. They may end the service, or the
 * system. */
static bool zygote_died(struct bh_child *c)
{
	bool starting = bh_child_state(c) == BH_PROC_STARTING, known;
	int status = 0;

	if (!told(c, &status, &known))
		return false;
	bh_control_drain(c);
	if (!bh_service_ending(c->s))
		bh_zygote_died(c, known ? status : SIGKILL, starting);
	return true;
}

static bool server_died(struct bh_child *c)
{
	int status = 0;
	bool known;

	if (!told(c, &status, &known))
		return false;
	bh_server_died(c, status, known);
	return true;
}

const struct bh_kind bh_kinds[BH_PROC_KIND_COUNT] = {
	[BH_PROC_NONE] = { "process" },
	[BH_PROC_KERNEL] = { "kernel" },
	[BH_PROC_ZYGOTE] = { "zygote", start_service, zygote_died },
	[BH_PROC_TWIN] = { "twin", start_twin, twin_died },
	[BH_PROC_WORKER] = { "worker", bh_worker_start, bh_worker_died },
	[BH_PROC_BLOCKING] = { "blocking process", free_slot, bh_worker_died },
	[BH_PROC_ADMIND] = { "admin server", bh_server_start, server_died },
	[BH_PROC_TRACED] = { "trace server", bh_server_start, server_died },
};
