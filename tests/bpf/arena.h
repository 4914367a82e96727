/* SPDX-License-Identifier: MIT */
/*
 * arena.h: the rig's service gets a plan and an arena, and its workers say in it what
 * they run, as real ones do.
 */
#ifndef BH_TESTS_BPF_ARENA_H
#define BH_TESTS_BPF_ARENA_H

#include "ipc/arena/arena.h"
#include "ipc/system/trace_rings.h"
#include "rig.h"

struct scene {
	struct rig rig;
	struct bh_layout layout;
	struct bh_view view; /* the test's own */
	int arena_fd;
	uint64_t read[BH_TRACE_RINGS]; /* up to where the events were read */
	uint64_t lost;
};

/* What a worker shows: task @idx of generation @gen, of type @type, in @slot. */
struct role {
	uint32_t slot, gen, idx;
	uint16_t type;
};

void scene_open(struct scene *s); /* traced runs, and knows the arena */
void scene_close(struct scene *s);

/* A worker in its slot that runs its task; it does as the test pokes it. In the
 * board's list only if @listed; it is always a fork of the test, the zygote. */
struct sleeper scene_worker(struct scene *s, const struct role *r, bool listed);

/* The same, as what it is told to do when it is poked for the first time. */
struct sleeper scene_actor(struct scene *s, const struct role *r, bool listed, void (*act)(void *),
			   void *arg);

static inline uint64_t role_task(const struct role *r)
{
	return bh_handle(r->gen, r->idx);
}

/* Records; returns when traced does. */
void scene_record(struct scene *s, bool on);

/* The events that have come since, in no order; how many. */
uint32_t scene_events(struct scene *s, struct bh_event *out, uint32_t max);

/* The first event of @kind about @pid, of all since the start; the test fails when
 * there is none. */
struct bh_event scene_event(struct scene *s, enum bh_event_kind kind, pid_t pid);

#endif
