/* SPDX-License-Identifier: MIT */
/*
 * wheel.h: deadlines of a service's tasks, by index: a hierarchical timing wheel.
 *
 *     level  slot    range           64 slots a level, one bit of `occupied` each;
 *       0    1 ms    64 ms           a slot is a list of nodes.
 *       1    64 ms   4 s             Level and slot of a deadline: the highest
 *       2    4 s     4.4 min         group of six bits in which it differs from
 *       3    4.4 min 4.7 h           `base_ms`, and the value of that group.
 *       4    4.7 h   12 days
 *       5    12 days 2.2 years
 *
 * When time reaches a slot of level 0, its list is due; when it reaches a slot
 * of a higher level, its nodes are placed anew, in lower ones (a cascade).
 *
 * Usage
 *
 *     bh_wheel_arm(&w, id, deadline_ns);
 *     while (budget-- && (id = bh_wheel_pop(&w, now_ns)) != BH_WHEEL_NONE)
 *             expired(id);
 *     sleep until bh_wheel_next(&w);
 *
 * Time is an argument: the wheel reads no clock. It is CLOCK_MONOTONIC in ns.
 * A deadline is rounded up to the millisecond: never early, late by less than
 * 1 ms plus what the caller slept too long. Equal deadlines are popped in the
 * order of arming, if they are within the range of the wheel. A deadline beyond
 * it waits in the last level and is placed anew until it is not.
 *
 * Cost: arm and cancel O(1); a pop moves at most BH_WHEEL_MOVES nodes; a node is
 * moved at most once a level. Memory: 16 bytes an id, committed when first used.
 *
 * Invariants
 *   I1  every node on a level has deadline_ms >= base_ms; on levels above 0 its
 *       slot begins after base_ms
 *   I2  nodes on level n are all earlier than those on level n + 1
 *   I3  a bit of `occupied` is set exactly when that slot's list is not empty
 *   I4  while CASCADE is not empty, base_ms does not move, and all nodes with
 *       deadlines in [base_ms, cascade_end_ms] that are armed meanwhile queue
 *       behind it
 *
 * Private to the kernel, one thread. Crash: it dies with its process; the next
 * kernel arms it anew from the deadlines in the tasks. Ids and deadlines come
 * from workers: any value is safe, an id out of range is -EINVAL.
 */
#ifndef BH_KERNEL_BASE_WHEEL_H
#define BH_KERNEL_BASE_WHEEL_H

#include <bulkhead/base.h>
#include <stdbool.h>

enum {
	BH_WHEEL_LEVELS = 6,
	BH_WHEEL_SLOTS = 64,
	BH_WHEEL_MOVES = 64, /* nodes a pop may cascade */
};

#define BH_WHEEL_NONE         UINT32_MAX
#define BH_WHEEL_CAPACITY_MAX (UINT32_MAX - 1024)

/* All lists are circular, through the node of their slot. next == 0: not armed. */
struct bh_wheel_node {
	uint64_t deadline_ms;
	uint32_t next, prev;
};
_Static_assert(sizeof(struct bh_wheel_node) == 16, "four to a cache line");

struct bh_wheel {
	uint64_t base_ms; /* time, as far as the slots know: what is earlier is due */
	uint64_t cascade_end_ms;
	uint64_t occupied[BH_WHEEL_LEVELS];
	struct bh_wheel_node *nodes; /* first the slots', then the ids' */
	uint32_t capacity;
	uint32_t count; /* armed ids */
};

/* Makes an empty wheel for ids 0 .. @capacity - 1. Errors: -ENOMEM, -EINVAL. */
int bh_wheel_init(struct bh_wheel *w, uint32_t capacity, int64_t now_ns) BH_NODISCARD;

/* Gives back its memory. A wheel that is all zero is allowed. */
void bh_wheel_fini(struct bh_wheel *w);

/* Arms @id for @deadline_ns, instead of what it was armed for. A deadline that
 * has passed is popped next, after those that passed before. Errors: -EINVAL. */
int bh_wheel_arm(struct bh_wheel *w, uint32_t id, int64_t deadline_ns) BH_NODISCARD;

/* Disarms @id. Legal in every state and with any value. */
void bh_wheel_cancel(struct bh_wheel *w, uint32_t id);

bool bh_wheel_armed(const struct bh_wheel *w, uint32_t id);

/* Takes an id whose deadline is at or before @now_ns and disarms it.
 * BH_WHEEL_NONE: there is none, or it stopped in the middle of a cascade; then
 * bh_wheel_next() is not later than @now_ns. A clock that goes back is ignored. */
uint32_t bh_wheel_pop(struct bh_wheel *w, int64_t now_ns);

/* Until when one may sleep: not later than the earliest deadline, perhaps
 * earlier. INT64_MAX: the wheel is empty. */
int64_t bh_wheel_next(const struct bh_wheel *w);

#endif
