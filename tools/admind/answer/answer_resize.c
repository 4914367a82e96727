/* SPDX-License-Identifier: MIT */
/* answer_resize.c: asks the kernel for more or fewer workers. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "tools/admind/answer/answer.h"

/* The service that is meant; UINT32_MAX: none, and the request is refused. */
static uint32_t find(struct bh_answer *a, const char *name)
{
	uint32_t n = bh_system_services(a->system);

	if (!name[0] && n > 1) {
		bh_answer_refuse(a, BULKHEAD__ERROR__CODE__NO_SERVICE,
				 "there are %u services: say which with --service", n);
		return UINT32_MAX;
	}
	if (!bh_answer_known(a, name))
		return UINT32_MAX;
	for (uint32_t i = 0; i < n; i++)
		if (bh_answer_wanted(a, name, i))
			return i;
	return UINT32_MAX;
}

void bh_answer_resize(struct bh_answer *a)
{
	uint32_t id = find(a, a->request->resize->service), n = a->request->resize->workers;
	struct bh_ctl m = { .op = BH_CTL_WORKERS, .workers = { id, n } };

	if (id == UINT32_MAX)
		return;
	const struct bh_board_service *b = &a->system->board->services[id];
	if (n < 1 || n > b->workers) {
		bh_answer_refuse(
			a, BULKHEAD__ERROR__CODE__UNAVAILABLE,
			"service %.31s may have 1 to %u workers, not %u (max_workers in its "
			"configuration)",
			b->name, b->workers, n);
		return;
	}
	if (send(a->ctl, &m, sizeof(m), MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof(m)) {
		bh_answer_refuse(a, BULKHEAD__ERROR__CODE__NOT_YET,
				 "the kernel takes no message right now (%s); try again",
				 strerror(errno));
		return;
	}
	Bulkhead__Resized *r = bh_scratch_take(&a->scratch, sizeof(*r));
	bulkhead__resized__init(r);
	r->service = bh_scratch_text(&a->scratch, b->name, sizeof(b->name));
	r->before = b->workers_wanted;
	r->workers = n;
	a->reply.answer_case = BULKHEAD__REPLY__ANSWER_RESIZED;
	a->reply.resized = r;
}
