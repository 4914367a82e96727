/* SPDX-License-Identifier: MIT */
/* crashes.c: bhctl crashes: what crashed, where, and how fast it was back. */
#include <stdio.h>

#include "tools/bhctl/bhctl.h"
#include "tools/bhctl/show/table.h"

typedef unsigned long long ull;

void bh_crashes_ask(struct bh_question *q, const struct bh_options *o)
{
	bulkhead__crashes_request__init(&q->crashes);
	q->crashes.limit = o->limit;
	q->request.verb_case = BULKHEAD__REQUEST__VERB_CRASHES;
	q->request.crashes = &q->crashes;
}

static void add_crash(struct bh_table *t, const Bulkhead__Crash *c)
{
	char time[40], death[24], back[24] = "not yet";

	bh_text_time(time, c->wall_ns, 0);
	bh_text_death(death, c->signal, c->exit_code);
	if (c->restart_us)
		bh_text_us(back, c->restart_us);
	bh_table_add(t, "%llu", (ull)c->id);
	bh_table_add(t, "%s", time);
	bh_table_add(t, "%s", c->service[0] ? c->service : "-");
	if (c->worker >= 0)
		bh_table_add(t, "worker %d", c->worker);
	else
		bh_table_add(t, "%s", c->process);
	bh_table_add(t, "%d", c->pid);
	bh_table_add(t, "%s%s", death,
		     c->stack_overflow ? " (stack)" :
		     c->hung           ? " (hung)" :
		     c->out_of_memory  ? " (memory)" :
					 "");
	if (c->instruction)
		bh_table_add(t, "0x%llx", (ull)c->address);
	else
		bh_table_add(t, "-");
	bh_table_add(t, "%s", c->task_name[0] ? c->task_name : "-");
	bh_table_add(t, "%s", c->key[0] ? c->key : "-");
	bh_table_add(t, "%s", back);
}

int bh_crashes_show(const Bulkhead__Reply *r)
{
	static const char *const heads[] = { "id",   "<time",     "<service", "<process",
					     "pid",  "<died of",  "<address", "<task",
					     "<key", "back after" };
	const Bulkhead__Crashes *all = r->crashes;
	struct bh_table t;

	if (!all->n_crashes) {
		puts("no crashes");
		return BH_EXIT_OK;
	}
	bh_table_init(&t, heads, sizeof(heads) / sizeof(heads[0]));
	for (size_t i = 0; i < all->n_crashes; i++)
		add_crash(&t, all->crashes[i]);
	bh_table_print(&t, 0);
	if (all->total > all->n_crashes)
		printf("%llu crashes since the start; these are the newest\n", (ull)all->total);
	return BH_EXIT_OK;
}
