/* SPDX-License-Identifier: MIT */
/* verb_audit.c: bhctl audit: do the invariants of the shared memory hold? */
#include <stdio.h>

#include "bhctl.h"
#include "value.h"

typedef unsigned long long ull;

void bh_audit_ask(struct bh_question *q, const struct bh_options *o)
{
	bulkhead__audit_request__init(&q->audit);
	q->audit.service = (char *)(uintptr_t)o->service;
	q->request.verb_case = BULKHEAD__REQUEST__VERB_AUDIT;
	q->request.audit = &q->audit;
}

int bh_audit_show(const Bulkhead__Reply *r)
{
	const Bulkhead__Audit *all = r->audit;
	int code = BH_EXIT_OK;

	for (size_t i = 0; i < all->n_services; i++) {
		const Bulkhead__ServiceAudit *s = all->services[i];

		printf("service %s: ", s->service);
		if (s->found)
			printf("%u violations\n", s->found);
		else
			puts("sound");
		for (size_t f = 0; f < s->n_findings; f++)
			printf("  %s: %s\n", s->findings[f]->invariant, s->findings[f]->text);
		if (s->found > s->n_findings)
			printf("  ... and %llu more\n", (ull)(s->found - s->n_findings));
		if (s->found)
			code = BH_EXIT_NO;
	}
	return code;
}

static void put_service(struct json_object *o, const Bulkhead__ServiceAudit *s)
{
	struct json_object *list;

	bh_value_text(o, "service", s->service);
	bh_value_uint(o, "found", s->found);
	list = bh_value_array(o, "findings");
	for (size_t f = 0; f < s->n_findings; f++) {
		struct json_object *at = bh_value_item(list);

		bh_value_text(at, "invariant", s->findings[f]->invariant);
		bh_value_text(at, "text", s->findings[f]->text);
	}
	list = bh_value_object(o, "tasks");
	for (size_t t = 0; t < s->n_tasks; t++)
		bh_value_uint(list, s->tasks[t]->state, s->tasks[t]->count);
}

int bh_audit_json(const Bulkhead__Reply *r, struct json_object *o)
{
	struct json_object *list = bh_value_array(o, "services");
	int code = BH_EXIT_OK;

	for (size_t i = 0; i < r->audit->n_services; i++) {
		put_service(bh_value_item(list), r->audit->services[i]);
		if (r->audit->services[i]->found)
			code = BH_EXIT_NO;
	}
	return code;
}
