/* SPDX-License-Identifier: MIT */
/*
 * probes.h: the BPF programs as a thing to hold: load, track pids, read.
 *
 *	struct bh_probes *probes;
 *	struct bh_trace_status status[BH_TRACE_PARTS];
 *	if (bh_probes_start(&probes, status) < 0)
 *		... say why ...
 *	bh_probes_track(probes, pid, &worker);
 *	... bh_probes_counts(probes, entry)->times.run_queue.count ...
 *	bh_probes_drain(probes, take, context);
 *	bh_probes_stop(probes);
 *
 * The programs are attached for as long as this process holds them: its death, of
 * any kind, detaches them. Built without BPF, bh_probes_start() reports that,
 * and no other function is ever reached with a handle.
 */
#ifndef BH_BPF_PROBES_H
#define BH_BPF_PROBES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/load/reason.h"
#include "bpf/probe.h"

struct bh_probes;

/* How the programs learn whether a thread that leaves its CPU goes to sleep. */
enum bh_probe_state {
	BH_PROBE_STATE_REREAD,   /* from the task: racy, all that old kernels offer */
	BH_PROBE_STATE_ARGUMENT, /* from the tracepoint's argument */
};

/* Loads and attaches the parts that suit this Linux; a part that fails to load does not
 * affect the others, and @status says why. If all parts fail: the error of the first. */
int bh_probes_start(struct bh_probes **probes, struct bh_trace_status status[BH_TRACE_PARTS]);

/* The scheduler's part alone, one way or the other; -errno as the kernel gave it. */
int bh_probes_start_as(struct bh_probes **probes, enum bh_probe_state how);

/* Detaches; NULL is fine. */
void bh_probes_stop(struct bh_probes *probes);

/* From now on @pid is this worker. -EEXIST: it is tracked already. */
int bh_probes_track(struct bh_probes *probes, int32_t pid, const struct bh_probe_worker *worker);

/* Stops counting @pid; its counts stay. */
void bh_probes_untrack(struct bh_probes *probes, int32_t pid);

/* The forks of zygote @pid are workers of @service; NULL: no longer. */
void bh_probes_zygote(struct bh_probes *probes, int32_t pid,
		      const struct bh_probe_service *service);

/* The counts of @entry, live and read-only; they stay mapped until the stop. */
const struct bh_probe_counts *bh_probes_counts(const struct bh_probes *probes, uint32_t entry);

/* Likewise; `recording` is set by bh_probes_record(). */
const struct bh_probe_control *bh_probes_control(const struct bh_probes *probes);
void bh_probes_record(struct bh_probes *probes, bool on);

/* Hands each event that has come since to @take: a struct bh_event, or (by its
 * size) a struct bh_probe_record. */
typedef void (*bh_probes_take)(void *context, const void *event, size_t bytes);
void bh_probes_drain(struct bh_probes *probes, bh_probes_take take, void *context);

/* Gives up the capabilities that loaded programs can do without. */
int bh_probes_shed(struct bh_probes *probes);

#endif
