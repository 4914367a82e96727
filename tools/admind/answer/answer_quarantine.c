/* SPDX-License-Identifier: MIT */
/* answer_quarantine.c: lists the quarantined types and keys, and asks the kernel to lift a
 * quarantine. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "ipc/base/crash_key.h"
#include "tools/admind/answer/answer.h"
#include "tools/admind/counts.h"

static uint64_t ms_between(int64_t from, int64_t to)
{
	return to > from ? (uint64_t)(to - from) / 1000000 : 0;
}

/* Counts the crashes of @type that the board still has. @key NULL: of any key. */
static uint64_t crashes(const struct bh_board *b, uint32_t service, uint32_t type,
			const uint64_t *key)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < BH_BOARD_CRASHES; i++) {
		const struct bh_board_crash *c = &b->crash[i];

		n += c->id && c->service == service && c->task && c->task_type == type &&
		     (!key || c->crash_key == *key);
	}
	return n;
}

/* Whether @lift, TYPE or TYPE/KEY or "", names @e. */
static bool named(const Bulkhead__Quarantined *e, const char *lift)
{
	size_t n = strlen(e->type);

	return !lift[0] || !strcmp(lift, e->type) ||
	       (e->key[0] && !strncmp(lift, e->type, n) && lift[n] == '/' &&
		!strcmp(lift + n + 1, e->key));
}

static bool lift(struct bh_answer *a, uint32_t service, uint32_t type, uint64_t key)
{
	struct bh_ctl m = { .op = BH_CTL_LIFT, .lift = { service, type, key } };

	if (send(a->ctl, &m, sizeof(m), MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(m))
		return true;
	bh_answer_refuse(a, BULKHEAD__ERROR__CODE__NOT_YET,
			 "the kernel takes no message right now (%s); try again", strerror(errno));
	return false;
}

/* False: the request was refused. */
static bool fill(struct bh_answer *a, Bulkhead__Quarantine *all, uint32_t service,
		 const struct bh_gate *g, uint32_t type, uint64_t key)
{
	const struct bh_view *v = bh_system_arena(a->system, service);
	const struct bh_board *b = a->system->board;
	const Bulkhead__QuarantineRequest *r = a->request->quarantine;
	uint32_t state = bh_gate_state_of(bh_ld_acq(&g->word));
	char text[BH_KEY_TEXT];
	struct timespec ts;

	if (type >= BH_TYPES || state == BH_GATE_OPEN || state == BH_GATE_KEYS)
		return true;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	int64_t now_ns = ts.tv_sec * 1000000000ll + ts.tv_nsec;
	Bulkhead__Quarantined *e = bh_scratch_take(&a->scratch, sizeof(*e));
	bulkhead__quarantined__init(e);
	bh_crash_key_text(key, text);
	e->service = bh_scratch_text(&a->scratch, b->services[service].name,
				     sizeof(b->services[service].name));
	e->type = bh_scratch_text(&a->scratch, v->types[type].name, sizeof(v->types[type].name));
	e->key = bh_scratch_text(&a->scratch, text, sizeof(text));
	e->crash_key = key;
	e->state = (char *)(uintptr_t)bh_counts_gate(state);
	e->crashes = crashes(b, service, type, key ? &key : NULL);
	e->refused = bh_ld_rlx(&g->refused);
	e->since_ms = ms_between(bh_ld_rlx(&g->since_ns), now_ns);
	if (state == BH_GATE_QUARANTINED)
		e->probation_ms = ms_between(now_ns, bh_ld_rlx(&g->until_ns));
	if (!named(e, r->lift))
		return true;
	all->quarantined[all->n_quarantined++] = e;
	return !all->lifted || lift(a, service, type, key);
}

static bool fill_service(struct bh_answer *a, Bulkhead__Quarantine *all, uint32_t i)
{
	const struct bh_view *v = bh_system_arena(a->system, i);

	for (uint32_t t = 0; v && t < BH_TYPES; t++)
		if (!fill(a, all, i, &v->types[t].gate, t, 0))
			return false;
	for (uint32_t g = 0; v && g < BH_GATES; g++)
		if (!fill(a, all, i, &v->a->gate[g], bh_ld_rlx(&v->a->gate[g].type),
			  bh_ld_rlx(&v->a->gate[g].key)))
			return false;
	return true;
}

void bh_answer_quarantine(struct bh_answer *a)
{
	const Bulkhead__QuarantineRequest *r = a->request->quarantine;
	Bulkhead__Quarantine *all = bh_scratch_take(&a->scratch, sizeof(*all));
	uint32_t n = bh_system_services(a->system);

	if (!bh_answer_known(a, r->service))
		return;
	bulkhead__quarantine__init(all);
	all->lifted = r->lift_all || r->lift[0];
	all->quarantined = bh_scratch_take(&a->scratch, (size_t)n * (BH_TYPES + BH_GATES) *
								sizeof(*all->quarantined));
	for (uint32_t i = 0; i < n; i++)
		if (bh_answer_wanted(a, r->service, i) && !fill_service(a, all, i))
			return;
	if (r->lift[0] && !all->n_quarantined) {
		bh_answer_refuse(a, BULKHEAD__ERROR__CODE__UNAVAILABLE,
				 "%.80s is not quarantined: `bhctl quarantine` lists what is",
				 r->lift);
		return;
	}
	a->reply.answer_case = BULKHEAD__REPLY__ANSWER_QUARANTINE;
	a->reply.quarantine = all;
}
