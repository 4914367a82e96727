/* SPDX-License-Identifier: MIT */
/*
 * arenas.h: traced's view of the services' arenas: the addresses, in their processes, of the
 * data that the BPF programs read, computed from the plan; and whether a client records,
 * a flag in the arena's header, the only page that is mapped, read-only.
 */
#ifndef BH_BPF_ARENAS_H
#define BH_BPF_ARENAS_H

#include <stdbool.h>

#include "bpf/probe.h"
#include "ipc/arena/arena.h"

struct bh_arenas {
	const struct bh_plan *plan; /* NULL: none; then no arena is ever known */
	const struct bh_arena *header[BH_PLAN_SERVICES];
};

/* Maps the plan on BH_PLAN_FD. Without a plan the workers' tasks are unknown. */
void bh_arenas_open(struct bh_arenas *a);

/* Takes the arena of @service on @fd, which stays the caller's. False: @fd is no arena. */
bool bh_arenas_take(struct bh_arenas *a, uint32_t service, int fd, struct bh_probe_service *where);

/* Does any service record? */
bool bh_arenas_recording(const struct bh_arenas *a);

#endif
