/* SPDX-License-Identifier: MIT */
/*
 * answer_events.c: the recorded events (ipc/system/evring.h).
 *
 * The client says up to where it has read each ring; admind keeps no state. Events
 * come from processes that run user code: their worker is overwritten with the ring's
 * own, and values used as an index are checked.
 */
#include "tools/admind/answer/answer.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
	TRACED = 0xffff,             /* as a service, in cursors: slots are traced's rings */
	TRACED_LATE_NS = 1000000000, /* a traced silent for longer is not waited for */
	MOST = 65536,                /* events in an answer: 4 MiB */
};

struct place {
	uint32_t service, slot, arena;
};

struct drain {
	struct bh_answer *a;
	Bulkhead__TraceEvents *out;
	struct bh_event *events;
	uint32_t n;
	bool first; /* the client has read nothing yet */
};

/* False: the kernel takes no message; refused. */
static bool record(struct bh_answer *a, uint32_t ms)
{
	struct bh_ctl m = { .op = BH_CTL_RECORD, .record.ms = ms < 60000 ? (int32_t)ms : 60000 };

	if (!ms || send(a->ctl, &m, sizeof(m), MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(m))
		return true;
	bh_answer_refuse(a, BULKHEAD__ERROR__CODE__NOT_YET,
			 "the kernel takes no message right now (%s); try again", strerror(errno));
	return false;
}

static const Bulkhead__EventCursor *cursor_of(const struct bh_answer *a, uint32_t service,
					      uint32_t slot, uint32_t arena)
{
	const Bulkhead__TraceEventsRequest *r = a->request->trace_events;

	for (size_t i = 0; i < r->n_cursors; i++)
		if (r->cursors[i]->service == service && r->cursors[i]->slot == slot)
			return r->cursors[i]->arena == arena ? r->cursors[i] : NULL;
	return NULL;
}

static bool sound(struct bh_event *e, uint32_t service, uint32_t slot)
{
	if (service == TRACED)
		return e->kind > BH_EV_RUNTIME_END && e->kind < BH_EV_END;
	e->service = (uint8_t)service;
	if (slot != BH_EVRING_KERNEL)
		e->slot = (uint16_t)slot;
	if (e->type >= BH_TYPES)
		e->type = BH_EVENT_NO_TYPE;
	return e->kind > BH_EV_NONE && e->kind < BH_EV_RUNTIME_END && e->slot <= BH_EVRING_KERNEL;
}

static void read_ring(struct drain *d, const struct bh_evring *r, Bulkhead__EventCursor *c)
{
	uint64_t before;

	do {
		struct bh_event *to = d->events + d->n;
		uint32_t room = MOST - d->n;

		before = c->at;
		uint32_t n =
			bh_evring_read(r, &c->at, to, room < 1024 ? room : 1024, &d->out->lost);
		for (uint32_t i = 0; i < n; i++) {
			if (sound(&to[i], c->service, c->slot))
				d->events[d->n++] = to[i];
			else
				d->out->lost++;
		}
	} while (c->at != before && d->n < MOST);
	d->out->more |= d->n == MOST;
}

/* @arena: which ring of that name it is: arenas, and traced's page, are replaced. */
static void drain_ring(struct drain *d, const struct bh_evring *r, uint64_t skipped,
		       const struct place *at)
{
	const Bulkhead__EventCursor *was = cursor_of(d->a, at->service, at->slot, at->arena);
	Bulkhead__EventCursor *c = d->out->cursors[d->out->n_cursors++];

	bulkhead__event_cursor__init(c);
	c->service = at->service;
	c->slot = at->slot;
	c->arena = at->arena;
	c->skipped = skipped;
	if (d->first) {
		c->at = bh_ld_acq(&r->tail);
	} else {
		c->at = was ? was->at : 0;
		d->out->lost += skipped - (was ? was->skipped : 0);
		read_ring(d, r, c);
	}
	if (!c->at && !skipped)
		d->out->n_cursors--; /* most slots are never used */
}

static void drain_slot(struct drain *d, uint32_t service, uint32_t slot)
{
	const struct bh_evring *r = &d->a->system->arena[service].events[slot];
	const struct place at = { service, slot, d->a->system->board->services[service].arena_seq };

	drain_ring(d, r, bh_ld_rlx(&r->skipped), &at);
}

/* The Linux kernel's view. What its programs had no room for counts for the first. */
static void drain_traced(struct drain *d)
{
	const struct bh_trace_page *page = d->a->system->trace;
	uint64_t dropped = 0;

	for (uint32_t i = 0; page && i < BH_TRACE_CPUS; i++)
		dropped += page->dropped[i];
	for (uint32_t i = 0; page && i < BH_TRACE_RINGS; i++) {
		const struct place at = { TRACED, i, page->pid };

		drain_ring(d, &bh_trace_rings(page)[i], i ? 0 : dropped, &at);
	}
}

static void drain_service(struct drain *d, uint32_t service)
{
	const struct bh_view *v = bh_system_arena(d->a->system, service);

	if (!v)
		return;
	for (uint32_t s = 0; s < BH_SLOTS; s = bh_slot_after(v, s))
		drain_slot(d, service, s);
	drain_slot(d, service, BH_EVRING_KERNEL);
}

static void name_types(struct drain *d, uint32_t service)
{
	const struct bh_view *v = bh_system_arena(d->a->system, service);

	for (uint32_t i = 0; v && i < BH_TYPES; i++) {
		if (!bh_ld_acq(&v->types[i].key))
			continue;
		Bulkhead__EventType *t = d->out->types[d->out->n_types++];
		bulkhead__event_type__init(t);
		t->service = service;
		t->type = i;
		t->name =
			bh_scratch_text(&d->a->scratch, v->types[i].name, sizeof(v->types[i].name));
	}
}

static int64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

/*
 * The time up to which all events are in their rings: now for workers' events; for the Linux
 * kernel's, the time that traced gives. Read it before the rings. A producer stopped
 * between reading the clock and writing its ring, for as long as the client waits, gives an
 * event that comes after later ones: it is not lost, but out of order.
 */
static int64_t complete_until(const struct bh_answer *a)
{
	const struct bh_trace_page *page = a->system->trace;
	int64_t now = clock_ns();
	int64_t drained = page ? (int64_t)__atomic_load_n(&page->drained_ns, __ATOMIC_ACQUIRE) : 0;

	return drained < now && drained > now - TRACED_LATE_NS ? drained : now;
}

static uint32_t recording(const struct bh_answer *a)
{
	uint32_t number = 0;

	for (uint32_t i = 0; i < bh_system_services(a->system) && !number; i++) {
		const struct bh_view *v = bh_system_arena(a->system, i);

		number = v ? bh_ld_acq(&v->a->recording) : 0;
	}
	return number;
}

void bh_answer_events(struct bh_answer *a)
{
	uint32_t services = bh_system_services(a->system);
	Bulkhead__TraceEvents *e = bh_scratch_take(&a->scratch, sizeof(*e));
	struct drain d = { .a = a,
			   .out = e,
			   .events = bh_scratch_take(&a->scratch, MOST * sizeof(*d.events)),
			   .first = a->request->trace_events->begin };

	if (!record(a, a->request->trace_events->record_ms))
		return;
	bulkhead__trace_events__init(e);
	e->now_ns = d.first ? clock_ns() : complete_until(a);
	e->recording = recording(a);
	e->cursors = bh_scratch_list(&a->scratch, services * (BH_SLOTS + 1ul) + BH_TRACE_RINGS,
				     sizeof(**e->cursors));
	e->types = bh_scratch_list(&a->scratch, services * (size_t)BH_TYPES, sizeof(**e->types));
	e->services = bh_scratch_take(&a->scratch, services * sizeof(*e->services));
	for (uint32_t i = 0; i < services; i++) {
		const struct bh_board_service *b = &a->system->board->services[i];

		drain_service(&d, i);
		name_types(&d, i);
		e->services[e->n_services++] =
			bh_scratch_text(&a->scratch, b->name, sizeof(b->name));
	}
	drain_traced(&d);
	e->events.data = (uint8_t *)d.events;
	e->events.len = d.n * sizeof(*d.events);
	a->reply.answer_case = BULKHEAD__REPLY__ANSWER_TRACE_EVENTS;
	a->reply.trace_events = e;
}
