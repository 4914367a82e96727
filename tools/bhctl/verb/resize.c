/* SPDX-License-Identifier: MIT */
/* resize.c: bhctl workers --set: more or fewer workers. */
#include <stdio.h>

#include "tools/bhctl/bhctl.h"

void bh_resize_ask(struct bh_question *q, const struct bh_options *o)
{
	bulkhead__resize_request__init(&q->resize);
	q->resize.service = (char *)(uintptr_t)o->service;
	q->resize.workers = o->set;
	q->request.verb_case = BULKHEAD__REQUEST__VERB_RESIZE;
	q->request.resize = &q->resize;
}

int bh_resize_show(const Bulkhead__Reply *r)
{
	printf("service %s: %u worker%s wanted, %u before\n", r->resized->service,
	       r->resized->workers, r->resized->workers == 1 ? "" : "s", r->resized->before);
	return BH_EXIT_OK;
}
