/* SPDX-License-Identifier: MIT */
/* info.c: what a task may ask about itself and its service. */
#include <errno.h>
#include <string.h>

#include "workers/base/rt.h"

const char *bh_strerror(int error)
{
	const char *text;

	switch (error < 0 ? -error : error) {
	case BH_ECANCELED:
		return "the task was aborted";
	case BH_ESTOPPING:
		return "the service is stopping";
	case BH_ESTALE:
		return "the handle's object is gone";
	case BH_EQUARANTINED:
		return "tasks of this type crashed too often and are refused for a while";
	case BH_ETIMEDOUT:
		return "the deadline passed";
	case BH_ENOSLOT:
		return "the service's table is full (see limits in its configuration)";
	case BH_ETRUNCATED:
		return "the peer's end came in the middle of a line or frame";
	case BH_EOWNERDEAD:
		return "the lock is yours, and who held it before crashed";
	case BH_EFORKED:
		return "this process was forked from a worker, and has no task: only the worker can call this";
	default:
		text = strerrordesc_np(error < 0 ? -error : error);
		return text ? text : "unknown error";
	}
}

const char *bh_version(void)
{
	return BH_VERSION;
}

const char *bh_option(const char *key)
{
	const struct bh_plan_service *ps = bh_rt.plan_service;

	for (uint32_t i = 0; ps && key && i < ps->n_options && i < BH_PLAN_OPTIONS; i++)
		if (!strcmp(ps->options[i].key, key))
			return ps->options[i].value;
	return NULL;
}

int bh_stopping(void)
{
	return bh_rt.v.a && bh_ld_acq(&bh_rt.v.a->run_state) == BH_RUN_STOPPING;
}

bh_task bh_self(void)
{
	return bh_rt.handle;
}

uint32_t bh_worker(void)
{
	return bh_rt.slot;
}

uint32_t bh_workers(void)
{
	uint32_t wanted = bh_rt.v.a ? bh_ld_rlx(&bh_rt.v.a->workers_wanted) : 0;

	/* 0: the system ends, and nobody counts on them */
	return wanted && wanted < bh_rt.v.l.workers ? wanted : bh_rt.v.l.workers;
}
