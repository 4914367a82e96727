/* SPDX-License-Identifier: MIT */
/* desk.c: see desk.h. */
#include "tests/kernel/desk.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/base/log.h"

enum {
	TYPE = 7,
	ENTRIES = 2 + DESK_WORKERS + DESK_BLOCKING /* of a service */
};

struct desk desk;

/* The real one leaves out what comes too fast. */
void bh_log(const char *fmt, ...)
{
	size_t n = strlen(desk.said);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(desk.said + n, sizeof(desk.said) - n, fmt, ap);
	va_end(ap);
	strncat(desk.said, "\n", sizeof(desk.said) - strlen(desk.said) - 1);
}

struct bh_ksvc *desk_add_service(void)
{
	struct bh_kernel *k = desk.k;
	uint32_t id = desk.plan.n_services++;
	struct bh_ksvc *s = &k->svc[id];
	struct bh_layout l;

	snprintf(desk.plan.services[id].name, sizeof(desk.plan.services[id].name), "svc%u", id);
	s->id = id;
	s->kernel = k;
	s->plan = &desk.plan.services[id];
	s->board = &k->board->services[id];
	s->board->state = BH_PROC_UP;
	s->board->workers_wanted = s->workers = DESK_WORKERS;
	s->board->blocking_mark = DESK_BLOCKING;
	s->procs = BH_PROCS_SERVICES + id * ENTRIES;
	for (uint32_t i = 0; i < ENTRIES; i++) {
		uint32_t slot = i < 2                ? UINT32_MAX :
				i < 2 + DESK_WORKERS ? i - 2 :
						       BH_MAX_WORKERS + i - 2 - DESK_WORKERS;
		struct bh_child *c = bh_child_make(k, s->procs + i, s, slot);

		bh_child_blank(c, i == 0                ? BH_PROC_ZYGOTE :
				  i == 1                ? BH_PROC_TWIN :
				  slot < BH_MAX_WORKERS ? BH_PROC_WORKER :
							  BH_PROC_BLOCKING);
	}
	bh_layout_init(&l, DESK_WORKERS, DESK_TASKS, 64, 64 << 10);
	int fd = bh_arena_create(&l, "desk", 1);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bh_view_map(&s->v, &l, fd, NULL, true), 0);
	close(fd);
	s->mapped = true;
	return s;
}

void desk_setup(void)
{
	struct bh_kernel *k = calloc(1, sizeof(*k));

	desk.k = k;
	desk.plan = (struct bh_plan){ .strategy = BH_ONE_FOR_ONE };
	desk.said[0] = '\0';
	k->board = calloc(1, sizeof(*k->board));
	k->plan = &desk.plan;
	k->epfd = k->sigfd = -1;
	k->now_ns = 1000 * BH_NS_PER_S;
	k->wake_ns = INT64_MAX;
	bh_st_rel(&k->board->system_state, BH_SYSTEM_RUNNING);
	for (uint32_t i = 0; i < BH_PROCS_SERVICES; i++)
		bh_child_blank(bh_child_make(k, i, NULL, UINT32_MAX), BH_PROC_ADMIND);
	desk.s = desk_add_service();
	desk.p = &desk.plan.services[0];
}

void desk_teardown(void)
{
	for (uint32_t i = 0; i < desk.plan.n_services; i++)
		bh_view_unmap(&desk.k->svc[i].v);
	free(desk.k->board);
	free(desk.k);
}

void desk_pass_ms(int64_t ms)
{
	desk.k->now_ns += ms * BH_NS_PER_MS;
}

bool desk_said(const char *words)
{
	return strstr(desk.said, words);
}

void desk_forget_said(void)
{
	desk.said[0] = '\0';
}

struct bh_child *desk_worker(uint32_t slot, int32_t pid)
{
	struct bh_child *c = bh_slot_child(desk.s, slot);

	c->p->pid = pid;
	bh_st_rel(&c->p->state, BH_PROC_UP);
	return c;
}

uint64_t desk_task(uint32_t idx, enum bh_state state, uint32_t slot)
{
	struct bh_tcb *t = bh_tcb_at(&desk.s->v, idx);
	uint32_t holder = state == BH_RUNNING ? slot : BH_OWNER_NONE;

	strcpy(desk.s->v.types[TYPE].name, "type7");
	t->type = TYPE;
	bh_st_rel(&t->state, bh_state_make(2, 0, holder, 0, state));
	return bh_handle(2, idx);
}

uint64_t desk_runs(uint32_t slot, uint32_t idx)
{
	uint64_t task = desk_task(idx, BH_RUNNING, slot);

	bh_st_rlx(&desk.s->v.workers[slot].current, task);
	return task;
}
