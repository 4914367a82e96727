/* SPDX-License-Identifier: MIT */
#include "bpf/publish/events.h"

#include <string.h>

/* Event @from of the programs, by the clock of the system. */
static struct bh_event translate(const struct bh_events *v, const struct bh_event *from)
{
	struct bh_event e = *from;

	e.time_ns += (uint64_t)v->clock_offset_ns;
	return e;
}

/* In turn, so that all rings together hold BH_TRACE_RINGS times as many. */
static void put(struct bh_events *v, struct bh_event *e)
{
	bh_evring_put(&v->rings[v->n++ % BH_TRACE_RINGS], e);
}

static void put_words(struct bh_events *v, const struct bh_event *of, enum bh_event_more what,
		      const uint64_t *words, uint32_t n)
{
	for (uint32_t at = 0; at < n; at += 4) {
		uint64_t w[4] = { 0 };
		struct bh_event e = *of;

		memcpy(w, words + at, (n - at < 4 ? n - at : 4) * sizeof(*w));
		e.kind = BH_EV_MORE;
		e.pid = v->record;
		e.other_pid = at;
		e.task = w[0];
		e.other = w[1];
		e.a = w[2];
		e.b = w[3];
		e.type = (uint32_t)what;
		put(v, &e);
	}
}

static uint32_t words_in(int32_t bytes, size_t room)
{
	return bytes <= 0 ? 0 : (uint32_t)((size_t)bytes < room ? (size_t)bytes : room) / 8;
}

static void take_record(struct bh_events *v, const struct bh_probe_record *r,
			const struct bh_probe_death *d)
{
	struct bh_event e = translate(v, &r->event);
	uint64_t comm[2];

	v->record = v->record + 1 ? v->record + 1 : 1;
	e.other = v->record;
	put(v, &e);
	memcpy(comm, r->comm, sizeof(comm));
	put_words(v, &e, BH_EVM_USER, r->user, words_in(r->user_bytes, sizeof(r->user)));
	put_words(v, &e, BH_EVM_KERNEL, r->kernel, words_in(r->kernel_bytes, sizeof(r->kernel)));
	if (e.kind != BH_EV_SAMPLE)
		put_words(v, &e, BH_EVM_REGISTERS, r->registers, BH_TRACE_REGISTERS);
	if (e.kind == BH_EV_SIGNAL)
		put_words(v, &e, BH_EVM_SENDER, comm, 2);
	if (d)
		put_words(v, &e, BH_EVM_STACK, d->stack,
			  words_in((int32_t)d->stack_bytes, sizeof(d->stack)));
}

void bh_events_take(void *events, const void *event, size_t bytes)
{
	struct bh_events *v = events;

	if (bytes >= sizeof(struct bh_probe_death)) {
		const struct bh_probe_death *d = event;
		take_record(v, &d->record, d);
	} else if (bytes >= sizeof(struct bh_probe_record)) {
		take_record(v, event, NULL);
	} else if (bytes >= sizeof(struct bh_event)) {
		struct bh_event e = translate(v, event);
		put(v, &e);
	}
}
