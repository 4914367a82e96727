/* SPDX-License-Identifier: MIT */
/* tasks.c: bhctl tasks: by type, and one by one. */
#include <stdio.h>

#include "tools/bhctl/bhctl.h"
#include "tools/bhctl/show/table.h"

typedef unsigned long long ull;

void bh_tasks_ask(struct bh_question *q, const struct bh_options *o)
{
	bulkhead__tasks_request__init(&q->tasks);
	q->tasks.service = (char *)(uintptr_t)o->service;
	q->tasks.limit = o->limit;
	q->request.verb_case = BULKHEAD__REQUEST__VERB_TASKS;
	q->request.tasks = &q->tasks;
}

static void show_types(const Bulkhead__Tasks *all)
{
	static const char *const heads[] = { "<service", "<type", "live", "crashes", "<" };
	struct bh_table t;

	bh_table_init(&t, heads, sizeof(heads) / sizeof(heads[0]));
	for (size_t i = 0; i < all->n_types; i++) {
		const Bulkhead__TaskType *y = all->types[i];

		bh_table_add(&t, "%s", y->service);
		bh_table_add(&t, "%s", y->name);
		bh_table_add(&t, "%llu", (ull)y->live);
		bh_table_add(&t, "%llu", (ull)y->crashes);
		if (y->probation_ms)
			bh_table_add(&t, "quarantined, probation in %llu s",
				     (ull)(y->probation_ms + 999) / 1000);
		else
			bh_table_add(&t, "%s", y->quarantine);
	}
	bh_table_print(&t, 0);
}

static void add_task(struct bh_table *t, const Bulkhead__Task *k)
{
	char age[24];

	bh_text_us(age, (double)k->age_ms * 1000);
	bh_table_add(t, "%s", k->service);
	bh_table_add(t, "0x%llx", (ull)k->task);
	bh_table_add(t, "%s", k->name);
	bh_table_add(t, "%s", k->kind);
	bh_table_add(t, "%s%s%s%s", k->state, k->wait[0] ? " for " : "", k->wait,
		     k->aborted ? ", aborted" : "");
	if (k->worker >= 0)
		bh_table_add(t, "%d", k->worker);
	else
		bh_table_add(t, "-");
	if (k->parent)
		bh_table_add(t, "0x%llx", (ull)k->parent);
	else
		bh_table_add(t, "-");
	bh_table_add(t, "%u", k->crashes);
	bh_table_add(t, "%s", age);
}

int bh_tasks_show(const Bulkhead__Reply *r)
{
	static const char *const heads[] = { "<service", "<task",   "<type",   "<kind", "<state",
					     "worker",   "<parent", "crashes", "age" };
	const Bulkhead__Tasks *all = r->tasks;
	struct bh_table t;

	show_types(all);
	putchar('\n');
	bh_table_init(&t, heads, sizeof(heads) / sizeof(heads[0]));
	for (size_t i = 0; i < all->n_tasks; i++)
		add_task(&t, all->tasks[i]);
	bh_table_print(&t, 0);
	if (all->found > all->n_tasks)
		printf("... and %llu more (--limit shows more)\n",
		       (ull)(all->found - all->n_tasks));
	return BH_EXIT_OK;
}
