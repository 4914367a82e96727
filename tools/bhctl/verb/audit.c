/* SPDX-License-Identifier: MIT */
/* audit.c: bhctl audit: do the invariants of the shared memory hold? */
#include <stdio.h>

#include "tools/bhctl/bhctl.h"
#include "tools/bhctl/show/json.h"

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

int bh_audit_json(const Bulkhead__Reply *r, struct json_object *o)
{
	bh_json_answer(o, r);
	for (size_t i = 0; i < r->audit->n_services; i++)
		if (r->audit->services[i]->found)
			return BH_EXIT_NO;
	return BH_EXIT_OK;
}
