/* SPDX-License-Identifier: MIT */
/* quarantine.c: bhctl quarantine: the types and keys that are refused; --lift: accepts them. */
#include <stdio.h>

#include "tools/bhctl/bhctl.h"
#include "tools/bhctl/show/table.h"

typedef unsigned long long ull;

void bh_quarantine_ask(struct bh_question *q, const struct bh_options *o)
{
	bulkhead__quarantine_request__init(&q->quarantine);
	q->quarantine.service = (char *)(uintptr_t)o->service;
	q->quarantine.lift = (char *)(uintptr_t)(o->lift ? o->lift : "");
	q->quarantine.lift_all = o->all;
	q->request.verb_case = BULKHEAD__REQUEST__VERB_QUARANTINE;
	q->request.quarantine = &q->quarantine;
}

static void show_until(struct bh_table *t, const Bulkhead__Quarantined *e)
{
	if (e->probation_ms)
		bh_table_add(t, "probation in %llu s", (ull)(e->probation_ms + 999) / 1000);
	else
		bh_table_add(t, "%s", e->state[0] == 'p' ? "the next one is let in, on trial" : "");
}

int bh_quarantine_show(const Bulkhead__Reply *r)
{
	static const char *const heads[] = { "<service", "<type",   "<key", "<state",
					     "crashes",  "refused", "<" };
	const Bulkhead__Quarantine *all = r->quarantine;
	struct bh_table t;

	if (!all->n_quarantined) {
		puts("nobody is quarantined");
		return BH_EXIT_OK;
	}
	if (all->lifted)
		puts("lifted:");
	bh_table_init(&t, heads, sizeof(heads) / sizeof(heads[0]));
	for (size_t i = 0; i < all->n_quarantined; i++) {
		const Bulkhead__Quarantined *e = all->quarantined[i];

		bh_table_add(&t, "%s", e->service);
		bh_table_add(&t, "%s", e->type);
		bh_table_add(&t, "%s", e->key[0] ? e->key : "all");
		bh_table_add(&t, "%s", e->state);
		bh_table_add(&t, "%llu", (ull)e->crashes);
		bh_table_add(&t, "%llu", (ull)e->refused);
		show_until(&t, e);
	}
	bh_table_print(&t, 0);
	return BH_EXIT_OK;
}
