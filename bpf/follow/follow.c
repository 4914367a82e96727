/* SPDX-License-Identifier: MIT */
#include "bpf/follow/follow.h"

#include <stddef.h>
#include <string.h>

#include "ipc/arena/worker.h"

_Static_assert(offsetof(struct bh_slot, word) == 0, "what the programs read of a worker");
_Static_assert(sizeof(struct bh_tcb) == BH_PROBE_TCB_BYTES && offsetof(struct bh_tcb, state) == 0 &&
		       offsetof(struct bh_tcb, type) == BH_PROBE_TCB_TYPE,
	       "what the programs read of a task");

/* A pid of the board; 0: none. The kernel stores it while this reads. */
static int32_t load_pid(const int32_t *at)
{
	int32_t pid = __atomic_load_n(at, __ATOMIC_RELAXED);

	return pid > 0 ? pid : 0;
}

static uint32_t services_of(const struct bh_follow *f)
{
	uint32_t n = __atomic_load_n(&f->board->n_services, __ATOMIC_RELAXED);

	return n < BH_PLAN_SERVICES ? n : BH_PLAN_SERVICES;
}

/* The entry of a slot; BH_PROBE_NO_ENTRY: the page is full. */
static uint32_t entry_for(struct bh_follow *f, uint32_t service, uint32_t slot)
{
	uint32_t e = f->page->n_workers;

	if (f->entry_of[service][slot])
		return f->entry_of[service][slot] - 1u;
	if (e == BH_TRACE_WORKERS)
		return BH_PROBE_NO_ENTRY;
	f->page->workers[e].service = service;
	f->page->workers[e].slot = slot;
	f->entry_of[service][slot] = (uint16_t)(e + 1);
	/* Release: a reader of the number finds the entry filled in. */
	__atomic_store_n(&f->page->n_workers, e + 1, __ATOMIC_RELEASE);
	return e;
}

static void track(struct bh_follow *f, uint32_t service, uint32_t slot, int32_t pid)
{
	uint32_t entry = entry_for(f, service, slot);
	struct bh_probe_worker w = { .in = f->arena[service], .entry = entry, .slot = slot };

	w.in.service = service;
	if (w.in.workers)
		w.current = w.in.workers + (uint64_t)slot * w.in.worker_bytes + w.in.current;
	/* -EEXIST keeps I3: the slot waits until the other gives it up. */
	if (bh_probes_track(f->probes, pid, &w) < 0)
		return;
	f->tracked[service][slot] = pid;
	if (entry != BH_PROBE_NO_ENTRY)
		f->page->workers[entry].pid = pid;
}

static void untrack_others(struct bh_follow *f, uint32_t service, const int32_t *pid)
{
	for (uint32_t w = 0; w < BH_SLOTS; w++) {
		int32_t *known = &f->tracked[service][w];

		if (*known && *known != (pid ? pid[w] : 0)) {
			bh_probes_untrack(f->probes, *known);
			*known = 0;
		}
	}
}

/* Zygotes and their twins. There are few, and each is told every time: the arena may
 * have changed. */
static void follow_zygotes(struct bh_follow *f)
{
	int32_t now[2 * BH_PLAN_SERVICES] = { 0 };
	uint32_t n = 0;

	for (uint32_t i = 0; i < BH_BOARD_PROCS && n < 2 * BH_PLAN_SERVICES; i++) {
		const struct bh_proc *p = &f->board->procs[i];
		uint32_t kind = p->kind, service = p->service;
		int32_t pid = load_pid(&p->pid);

		if ((kind != BH_PROC_ZYGOTE && kind != BH_PROC_TWIN) ||
		    service >= BH_PLAN_SERVICES || !pid)
			continue;
		struct bh_probe_service in = f->arena[service];
		in.service = service;
		bh_probes_zygote(f->probes, pid, &in);
		now[n++] = pid;
	}
	for (uint32_t i = 0; i < 2 * BH_PLAN_SERVICES; i++) {
		bool stays = false;

		for (uint32_t j = 0; j < n; j++)
			stays |= f->zygote[i] == now[j];
		if (f->zygote[i] && !stays)
			bh_probes_zygote(f->probes, f->zygote[i], NULL);
	}
	memcpy(f->zygote, now, sizeof(now));
}

void bh_follow_workers(struct bh_follow *f)
{
	int32_t pid[BH_PLAN_SERVICES][BH_SLOTS] = { 0 };
	uint32_t n = services_of(f);

	for (uint32_t s = 0; s < n; s++)
		for (uint32_t w = 0; w < BH_SLOTS; w++)
			pid[s][w] = load_pid(&f->board->services[s].worker_pid[w]);
	/* All that go before any that come: a pid may have changed its slot. */
	for (uint32_t s = 0; s < BH_PLAN_SERVICES; s++)
		untrack_others(f, s, pid[s]);
	for (uint32_t s = 0; s < n; s++)
		for (uint32_t w = 0; w < BH_SLOTS; w++)
			if (pid[s][w] && !f->tracked[s][w])
				track(f, s, w, pid[s][w]);
	follow_zygotes(f);
}

void bh_follow_arena(struct bh_follow *f, uint32_t service, const struct bh_probe_service *in)
{
	if (!memcmp(&f->arena[service], in, sizeof(*in)))
		return;
	f->arena[service] = *in;
	if (f->probes)
		untrack_others(f, service, NULL); /* until the next round */
}

void bh_follow_publish(struct bh_follow *f)
{
	const struct bh_probe_control *c = bh_probes_control(f->probes);
	uint64_t types = c->n_types < BH_TRACE_TYPES ? c->n_types : BH_TRACE_TYPES;

	for (uint32_t e = 0; e < f->page->n_workers; e++)
		f->page->workers[e].times = bh_probes_counts(f->probes, e)->times;
	for (uint32_t i = 0; i < types; i++) {
		const struct bh_probe_counts *from =
			bh_probes_counts(f->probes, BH_TRACE_WORKERS + i);

		f->page->types[i].service = from->service;
		f->page->types[i].type = from->type;
		f->page->types[i].times = from->times;
	}
	__atomic_store_n(&f->page->n_types, (uint32_t)types, __ATOMIC_RELEASE);
	memcpy(f->page->dropped, c->dropped, sizeof(c->dropped));
	f->page->updates++;
}
