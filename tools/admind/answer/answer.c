/* SPDX-License-Identifier: MIT */
#include "tools/admind/answer/answer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const bh_answer_fn verbs[] = {
	[BULKHEAD__REQUEST__VERB_STATUS] = bh_answer_status,
	[BULKHEAD__REQUEST__VERB_WORKERS] = bh_answer_workers,
	[BULKHEAD__REQUEST__VERB_TASKS] = bh_answer_tasks,
	[BULKHEAD__REQUEST__VERB_CRASHES] = bh_answer_crashes,
	[BULKHEAD__REQUEST__VERB_STOP] = bh_answer_stop,
	[BULKHEAD__REQUEST__VERB_TRACE_LATENCY] = bh_answer_latency,
	[BULKHEAD__REQUEST__VERB_AUDIT] = bh_answer_audit,
	[BULKHEAD__REQUEST__VERB_RESIZE] = bh_answer_resize,
	[BULKHEAD__REQUEST__VERB_TRACE_EVENTS] = bh_answer_events,
	[BULKHEAD__REQUEST__VERB_DUMP] = bh_answer_dump,
	[BULKHEAD__REQUEST__VERB_QUARANTINE] = bh_answer_quarantine,
};

void bh_answer_refuse(struct bh_answer *a, Bulkhead__Error__Code code, const char *fmt, ...)
{
	Bulkhead__Error *e = bh_scratch_take(&a->scratch, sizeof(*e));
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	bulkhead__error__init(e);
	e->code = code;
	e->text = bh_scratch_text(&a->scratch, text, sizeof(text));
	bulkhead__reply__init(&a->reply);
	a->reply.error = e;
}

bool bh_answer_wanted(const struct bh_answer *a, const char *name, uint32_t i)
{
	const struct bh_board_service *b = &a->system->board->services[i];

	return !name[0] || !strncmp(name, b->name, sizeof(b->name));
}

bool bh_answer_known(struct bh_answer *a, const char *name)
{
	for (uint32_t i = 0; i < bh_system_services(a->system); i++)
		if (bh_answer_wanted(a, name, i))
			return true;
	bh_answer_refuse(a, BULKHEAD__ERROR__CODE__NO_SERVICE, "there is no service called %.40s",
			 name);
	return false;
}

void bh_answer_stop(struct bh_answer *a)
{
	struct bh_ctl m = { .op = BH_CTL_STOP, .stop.now = a->request->stop->now ? 1 : 0 };
	Bulkhead__Stopping *s = bh_scratch_take(&a->scratch, sizeof(*s));

	if (send(a->ctl, &m, sizeof(m), MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof(m)) {
		bh_answer_refuse(a, BULKHEAD__ERROR__CODE__NOT_YET,
				 "the kernel takes no message right now (%s); try again, or send "
				 "SIGTERM to process %d",
				 strerror(errno), a->system->board->guardian_pid);
		return;
	}
	bulkhead__stopping__init(s);
	s->pid = a->system->board->guardian_pid;
	s->grace_ms = a->system->plan ? a->system->plan->grace_ms : 0;
	a->reply.answer_case = BULKHEAD__REPLY__ANSWER_STOPPING;
	a->reply.stopping = s;
}

static bool parse(struct bh_answer *a, const void *bytes, size_t n, Bulkhead__Request **out)
{
	*out = NULL;
	if (n > BH_REQUEST_BYTES) {
		bh_answer_refuse(a, BULKHEAD__ERROR__CODE__TOO_LARGE,
				 "a request of %zu bytes; at most %d are taken", n,
				 BH_REQUEST_BYTES);
		return false;
	}
	*out = bulkhead__request__unpack(NULL, n, bytes);
	if (!*out)
		bh_answer_refuse(a, BULKHEAD__ERROR__CODE__MALFORMED,
				 "%zu bytes that are no request", n);
	return *out != NULL;
}

bool bh_answer_request(struct bh_answer *a, const struct bh_system *s, int ctl, const void *bytes,
		       size_t n)
{
	Bulkhead__Request *r;

	memset(a, 0, sizeof(*a));
	a->system = s;
	a->ctl = ctl;
	bulkhead__reply__init(&a->reply);
	if (!parse(a, bytes, n, &r))
		return false;
	a->request = r;
	if ((size_t)r->verb_case < sizeof(verbs) / sizeof(verbs[0]) && verbs[r->verb_case])
		verbs[r->verb_case](a);
	else
		bh_answer_refuse(a, BULKHEAD__ERROR__CODE__UNKNOWN_VERB,
				 "version %s has no answer to this request", BH_VERSION);
	bulkhead__request__free_unpacked(r, NULL);
	a->request = NULL;
	return true;
}
