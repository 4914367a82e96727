/* SPDX-License-Identifier: MIT */
/* audit_step.h: one entry of an arena after the other (audit.h says what must hold). */
#ifndef BH_IPC_AUDIT_STEP_H
#define BH_IPC_AUDIT_STEP_H

#include "ipc/arena/arena.h"

enum {
	BH_AUDIT_MAX = 64
};

/* The nature of a finding in an arena that is in use. */
enum bh_audit_nature {
	BH_AUDIT_CERTAIN, /* always an error */
	BH_AUDIT_PASSING, /* may be so for a moment */
	BH_AUDIT_MENDED,  /* likewise, and bh_verify_step() puts it right */
	BH_AUDIT_HINT,    /* likewise, and it may come again at once */
};

/* Parts of an arena, as bh_audit_step() goes through them. */
enum bh_audit_part {
	BH_AUDIT_HEADER, /* entry 0: the header; then the guards */
	BH_AUDIT_WORKERS,
	BH_AUDIT_INJECT, /* an entry: the 8 cells of a cache line */
	BH_AUDIT_JOBS,   /* likewise */
	BH_AUDIT_PINNED, /* likewise, the workers' rings one after the other */
	BH_AUDIT_TASKS,
	BH_AUDIT_IOS,
	BH_AUDIT_TOKENS,
	BH_AUDIT_SYNCS,
	BH_AUDIT_CLAIMS,
	BH_AUDIT_BLOCKS, /* and so on, by size class */
	BH_AUDIT_PARTS = BH_AUDIT_BLOCKS + BH_CLASSES
};

/* The same entry, invariant and words again is the same finding again. */
struct bh_audit_finding {
	char invariant[20];
	char text[108];
	enum bh_audit_nature nature;
	uint32_t part, idx;
	uint64_t words[2]; /* as seen */
};

struct bh_audit {
	uint32_t found; /* all violations; the first BH_AUDIT_MAX are kept */
	uint32_t tasks[BH_STATE_COUNT];
	uint64_t blocks, ios; /* in use; quiet only */
	struct bh_audit_finding finding[BH_AUDIT_MAX];
};

/* Where a round of bh_audit_step() stands. Start with a zeroed struct. */
struct bh_audit_round {
	uint32_t part, at;
};

/* Checks the next @n entries and adds findings to @out; true: the round has ended. */
bool bh_audit_step(const struct bh_view *v, struct bh_audit_round *round, uint32_t n,
		   struct bh_audit *out);

/* How many tasks began and ended, by the counters. A task counts its spawns before it
 * ends, and the ends are read first: when both are the same, no task is left. */
void bh_audit_count(const struct bh_view *v, uint64_t *began, uint64_t *ended);

/* Checks one entry. */
void bh_audit_entry(const struct bh_view *v, uint32_t part, uint32_t idx, struct bh_audit *out);

/* Adds a finding; for further audits, by callers that know more. */
void bh_audit_report(struct bh_audit *out, const char *invariant, struct bh_audit_finding about,
		     const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
