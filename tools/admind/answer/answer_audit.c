/* SPDX-License-Identifier: MIT */
/* answer_audit.c: the audit of a busy arena (ipc/repair/audit.h) and of its worker slots, for
 * each service. */
#include <string.h>

#include "ipc/repair/audit.h"
#include "tools/admind/answer/answer.h"
#include "tools/admind/counts.h"

static void fill_findings(struct bh_answer *a, Bulkhead__ServiceAudit *to,
			  const struct bh_audit *from)
{
	to->found = from->found;
	to->n_findings = from->found < BH_AUDIT_MAX ? from->found : BH_AUDIT_MAX;
	to->findings = bh_scratch_list(&a->scratch, to->n_findings, sizeof(**to->findings));
	for (size_t i = 0; i < to->n_findings; i++) {
		const struct bh_audit_finding *f = &from->finding[i];

		bulkhead__finding__init(to->findings[i]);
		to->findings[i]->invariant =
			bh_scratch_text(&a->scratch, f->invariant, sizeof(f->invariant));
		to->findings[i]->text = bh_scratch_text(&a->scratch, f->text, sizeof(f->text));
	}
}

static void fill_tasks(struct bh_answer *a, Bulkhead__ServiceAudit *to, const struct bh_audit *from)
{
	to->tasks = bh_scratch_list(&a->scratch, BH_STATE_COUNT, sizeof(**to->tasks));
	for (uint32_t s = BH_RESERVED; s < BH_STATE_COUNT; s++) {
		Bulkhead__StateCount *t = to->tasks[to->n_tasks++];

		bulkhead__state_count__init(t);
		t->state = (char *)(uintptr_t)bh_counts_state(s);
		t->count = from->tasks[s];
	}
}

void bh_answer_audit(struct bh_answer *a)
{
	const char *name = a->request->audit->service;
	uint32_t n = bh_system_services(a->system);
	Bulkhead__Audit *all = bh_scratch_take(&a->scratch, sizeof(*all));
	struct bh_audit *audit = bh_scratch_take(&a->scratch, sizeof(*audit));

	if (!bh_answer_known(a, name))
		return;
	bulkhead__audit__init(all);
	all->services = bh_scratch_list(&a->scratch, n, sizeof(**all->services));
	for (uint32_t i = 0; i < n; i++) {
		const struct bh_view *v = bh_system_arena(a->system, i);
		const struct bh_board_service *b = &a->system->board->services[i];

		if (!bh_answer_wanted(a, name, i) || !v)
			continue;
		bh_audit_run(v, false, audit);
		bh_audit_slots(a->system, i, audit);
		Bulkhead__ServiceAudit *to = all->services[all->n_services++];
		bulkhead__service_audit__init(to);
		to->service = bh_scratch_text(&a->scratch, b->name, sizeof(b->name));
		fill_findings(a, to, audit);
		fill_tasks(a, to, audit);
	}
	if (!all->n_services) {
		bh_answer_refuse(a, BULKHEAD__ERROR__CODE__NOT_YET,
				 "there is no memory to audit right now");
		return;
	}
	a->reply.answer_case = BULKHEAD__REPLY__ANSWER_AUDIT;
	a->reply.audit = all;
}
