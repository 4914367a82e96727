/* SPDX-License-Identifier: MIT */
/*
 * wheel.c: see wheel.h, also for the invariants cited here.
 */
#include "kernel/base/wheel.h"

#include <errno.h>
#include <sys/mman.h>

enum {
	SLOT_BITS = 6,
	TOP = BH_WHEEL_LEVELS - 1,
	TOP_SHIFT = TOP * SLOT_BITS,
	/* Indexes of nodes. 0 is no node, so that zeroed memory is a free node. */
	SLOT_FIRST = 1,
	SLOT_END = SLOT_FIRST + BH_WHEEL_LEVELS * BH_WHEEL_SLOTS,
	DUE = SLOT_END, /* expired, in the order they will be popped */
	CASCADE,        /* taken off a slot, to be placed anew */
	ID_FIRST,
};

#define NS_PER_MS 1000000

/* -- lists ------------------------------------------------------------------- */

static bool list_empty(const struct bh_wheel *w, uint32_t list)
{
	return w->nodes[list].next == list;
}

static void list_append(struct bh_wheel *w, uint32_t list, uint32_t i)
{
	struct bh_wheel_node *n = w->nodes;

	n[i].next = list;
	n[i].prev = n[list].prev;
	n[n[list].prev].next = i;
	n[list].prev = i;
	if (list < SLOT_END) {
		uint32_t slot = list - SLOT_FIRST;

		w->occupied[slot / BH_WHEEL_SLOTS] |= 1ull << slot % BH_WHEEL_SLOTS;
	}
}

static void list_remove(struct bh_wheel *w, uint32_t i)
{
	struct bh_wheel_node *n = w->nodes;
	uint32_t next = n[i].next, prev = n[i].prev;

	n[prev].next = next;
	n[next].prev = prev;
	n[i].next = n[i].prev = 0;
	/* Its neighbours are one node only if that is the slot's: now empty. */
	if (next == prev && next < SLOT_END) {
		uint32_t slot = next - SLOT_FIRST;

		w->occupied[slot / BH_WHEEL_SLOTS] &= ~(1ull << slot % BH_WHEEL_SLOTS);
	}
}

/* Makes the nodes of @slot, not empty, those of @list, which is empty. */
static void list_take(struct bh_wheel *w, uint32_t list, uint32_t slot)
{
	struct bh_wheel_node *n = w->nodes;
	uint32_t at = slot - SLOT_FIRST;

	n[list].next = n[slot].next;
	n[list].prev = n[slot].prev;
	n[n[list].next].prev = list;
	n[n[list].prev].next = list;
	n[slot].next = n[slot].prev = slot;
	w->occupied[at / BH_WHEEL_SLOTS] &= ~(1ull << at % BH_WHEEL_SLOTS);
}

/* -- slots ------------------------------------------------------------------- */

static uint32_t slot_at(unsigned level, uint64_t ms)
{
	return SLOT_FIRST + level * BH_WHEEL_SLOTS +
	       (uint32_t)(ms >> level * SLOT_BITS) % BH_WHEEL_SLOTS;
}

/* The slot for @ms, which is not before base_ms. The last level's slots are
 * numbered on beyond its range, 63 of them ahead of base_ms. */
static uint32_t slot_for(const struct bh_wheel *w, uint64_t ms)
{
	uint64_t differ = ms ^ w->base_ms;
	uint64_t ahead = (ms >> TOP_SHIFT) - (w->base_ms >> TOP_SHIFT);

	if (ahead >= BH_WHEEL_SLOTS)
		return slot_at(TOP, w->base_ms + ((BH_WHEEL_SLOTS - 1ull) << TOP_SHIFT));
	if (ahead)
		return slot_at(TOP, ms);
	return slot_at(differ ? (63 - (unsigned)__builtin_clzll(differ)) / SLOT_BITS : 0, ms);
}

/* The earliest slot that is not empty, its level, and when it begins; 0: none.
 * By I2 it is on the lowest level that has any. */
static uint32_t slot_earliest(const struct bh_wheel *w, unsigned *level, uint64_t *begin_ms)
{
	for (unsigned l = 0; l < BH_WHEEL_LEVELS; l++) {
		unsigned shift = l * SLOT_BITS;
		uint64_t now = w->base_ms >> shift, bits = w->occupied[l];
		unsigned turn = now % BH_WHEEL_SLOTS;

		if (!bits)
			continue;
		/* Turned so that the slot of base_ms is bit 0. Only on the last
		 * level can a slot be below it: then it is one of the next round. */
		bits = bits >> turn | bits << (BH_WHEEL_SLOTS - turn) % BH_WHEEL_SLOTS;
		*level = l;
		*begin_ms = (now + (unsigned)__builtin_ctzll(bits)) << shift;
		return slot_at(l, *begin_ms);
	}
	return 0;
}

/* Places up to *@moves nodes of CASCADE. */
static void cascade(struct bh_wheel *w, unsigned *moves)
{
	for (; *moves && !list_empty(w, CASCADE); --*moves) {
		uint32_t i = w->nodes[CASCADE].next;

		list_remove(w, i);
		list_append(w, slot_for(w, w->nodes[i].deadline_ms), i);
	}
}

/* -- the wheel --------------------------------------------------------------- */

static uint64_t ms_of(int64_t ns)
{
	return ns > 0 ? (uint64_t)ns / NS_PER_MS : 0;
}

static size_t bytes_of(uint32_t capacity)
{
	return ((size_t)ID_FIRST + capacity) * sizeof(struct bh_wheel_node);
}

int bh_wheel_init(struct bh_wheel *w, uint32_t capacity, int64_t now_ns)
{
	void *p;

	if (capacity > BH_WHEEL_CAPACITY_MAX)
		return -EINVAL;
	p = mmap(NULL, bytes_of(capacity), PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return -ENOMEM;
	*w = (struct bh_wheel){ .base_ms = ms_of(now_ns), .nodes = p, .capacity = capacity };
	for (uint32_t i = SLOT_FIRST; i < ID_FIRST; i++)
		w->nodes[i].next = w->nodes[i].prev = i;
	return 0;
}

void bh_wheel_fini(struct bh_wheel *w)
{
	if (w->nodes)
		munmap(w->nodes, bytes_of(w->capacity));
	*w = (struct bh_wheel){ 0 };
}

bool bh_wheel_armed(const struct bh_wheel *w, uint32_t id)
{
	return id < w->capacity && w->nodes[ID_FIRST + id].next;
}

void bh_wheel_cancel(struct bh_wheel *w, uint32_t id)
{
	if (!bh_wheel_armed(w, id))
		return;
	list_remove(w, ID_FIRST + id);
	w->count--;
}

int bh_wheel_arm(struct bh_wheel *w, uint32_t id, int64_t deadline_ns)
{
	uint64_t ms = ms_of(deadline_ns);
	uint32_t list;

	if (id >= w->capacity)
		return -EINVAL;
	if (deadline_ns > 0 && deadline_ns % NS_PER_MS)
		ms++; /* never early */
	bh_wheel_cancel(w, id);
	w->nodes[ID_FIRST + id].deadline_ms = ms;
	if (ms < w->base_ms)
		list = DUE;
	else if (!list_empty(w, CASCADE) && ms <= w->cascade_end_ms)
		list = CASCADE; /* keeps I4, and so the order of arming */
	else
		list = slot_for(w, ms);
	list_append(w, list, ID_FIRST + id);
	w->count++;
	return 0;
}

uint32_t bh_wheel_pop(struct bh_wheel *w, int64_t now_ns)
{
	uint64_t now_ms = ms_of(now_ns), begin_ms;
	unsigned moves = BH_WHEEL_MOVES, level;
	uint32_t slot;

	/* Each turn makes a node due, moves at least one, or is the last. */
	for (;;) {
		if (!list_empty(w, DUE)) {
			uint32_t id = w->nodes[DUE].next - ID_FIRST;

			bh_wheel_cancel(w, id);
			return id;
		}
		cascade(w, &moves);
		if (!list_empty(w, CASCADE))
			return BH_WHEEL_NONE;
		slot = slot_earliest(w, &level, &begin_ms);
		if (!slot || begin_ms > now_ms) {
			if (now_ms > w->base_ms)
				w->base_ms = now_ms;
			return BH_WHEEL_NONE;
		}
		w->base_ms = begin_ms;
		w->cascade_end_ms = begin_ms + (1ull << level * SLOT_BITS) - 1;
		list_take(w, level ? CASCADE : DUE, slot);
	}
}

int64_t bh_wheel_next(const struct bh_wheel *w)
{
	uint64_t ms = w->base_ms;
	unsigned level;

	if (!w->count)
		return INT64_MAX;
	if (list_empty(w, DUE) && list_empty(w, CASCADE))
		slot_earliest(w, &level, &ms);
	return ms > INT64_MAX / NS_PER_MS ? INT64_MAX : (int64_t)ms * NS_PER_MS;
}
