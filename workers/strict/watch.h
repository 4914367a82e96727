/* SPDX-License-Identifier: MIT */
/*
 * watch.h: what is watched of a service with --strict (strict.h), and what its
 * processes share for it.
 */
#ifndef BH_WORKERS_STRICT_WATCH_H
#define BH_WORKERS_STRICT_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "workers/strict/heap.h"

enum {
	BH_STRICT_PARTS = 64,    /* writable segments that are watched */
	BH_STRICT_OBJECTS = 64,  /* files that have them; the first is the module */
	BH_STRICT_PLACES = 1024, /* that can be told of */
};

struct bh_strict_range {
	uintptr_t from, to;
};

/* Shared by the processes of the service. No recovery reads it: a place that was noted by a
 * process that is killed before it has told it is missing from the report, and nothing
 * else. */
struct bh_strict_shared {
	_Atomic uint64_t told[BH_STRICT_PLACES];
	_Atomic uint32_t heaps; /* given so far; the zygote's is the first */
	struct {
		_Atomic uint32_t slot;
		_Atomic int32_t pid;
	} owner[BH_STRICT_HEAPS];
	_Atomic uint64_t last[]; /* for each task: where it ran last (moves.c) */
};

struct bh_strict {
	struct bh_strict_shared *shared; /* NULL: nothing is watched */
	struct bh_strict_range data[BH_STRICT_PARTS], code[BH_STRICT_OBJECTS];
	uint32_t n_data, n_module; /* those of the module come first */
	uint32_t n_code;
	struct bh_strict_range marked;     /* BH_PRIVATE */
	struct bh_strict_range loader;     /* the code that binds calls when they are first made */
	size_t tls_module, tls_bytes;      /* the module's thread-locals; 0: it has none */
	struct bh_strict_range tls_marked; /* offsets: BH_PRIVATE_TLS */
};

extern struct bh_strict bh_strict;

static inline bool bh_strict_in(const struct bh_strict_range *r, uintptr_t at)
{
	return at >= r->from && at < r->to;
}

/* The part of the watched data that @at lies in; -1: none. */
static inline int bh_strict_part(uintptr_t at)
{
	for (uint32_t i = 0; i < bh_strict.n_data; i++)
		if (bh_strict_in(&bh_strict.data[i], at))
			return (int)i;
	return -1;
}

/* In the zygote, after init(): finds what of @service's module is to be watched. */
void bh_strict_find(const void *service);

/* Makes all that is watched read-only, or not: @how is mprotect()'s. */
void bh_strict_protect(int how);

/* One part of it. */
void bh_strict_protect_part(int part, int how);

#endif
