/* SPDX-License-Identifier: MIT */
/*
 * recorder.h: a recording, as a client sees it: asks the system again and again for
 * its workers' events, and keeps them in the order of time.
 */
#ifndef BH_TOOLS_BHCTL_TRACE_RECORDER_H
#define BH_TOOLS_BHCTL_TRACE_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/system/event.h"
#include "tools/bhctl/ask.h"

enum {
	BH_RECORDER_SERVICES = 16,
	BH_RECORDER_TYPES = 256,
};

struct bh_recorder {
	struct bh_line line;
	bool record;
	Bulkhead__Reply *last; /* cursors, and names */
	struct bh_event *events;
	size_t n, room;
	size_t ready;  /* so many are complete: no earlier one can come */
	uint64_t lost; /* in all */
	uint64_t got;
	uint64_t written;         /* bytes of a file, if there is one: for the progress line */
	bool behind;              /* there is more than was taken */
	int64_t complete_ns;      /* all events up to then have come */
	bool over;                /* nothing comes any more: all is ready */
	unsigned gaps;            /* times that the recording was interrupted: not in `lost` */
	uint32_t recording;       /* its number; 0: none yet */
	int64_t began_ns, now_ns; /* CLOCK_MONOTONIC of the system */
	const char *type[BH_RECORDER_SERVICES][BH_RECORDER_TYPES]; /* of `last` */
	const char *service[BH_RECORDER_SERVICES];
};

/* Turns the recording on; without @record takes only the events that come unasked: deaths.
 * Exit codes; a fault has been printed. */
int bh_recorder_begin(struct bh_recorder *r, const char *url, bool record);

/* Takes the events that have come; the recording stays on for seconds after each. Events [0,
 * ready) of `events` are then sorted and complete. */
int bh_recorder_take(struct bh_recorder *r);

/* Forgets the first @n events. */
void bh_recorder_drop(struct bh_recorder *r, size_t n);

/* A result of bh_recorder_run()'s @each, beside exit codes: it wants no more events. */
#define BH_RECORDER_ENOUGH (-1)

/* Takes for so many seconds (0: any), until SIGINT, or until @each wants no more. @each is
 * called after each take, and once at the end, when all events are ready; it must drop the
 * events it has handled, for nothing else bounds the memory. @tell: progress, on a terminal. */
int bh_recorder_run(struct bh_recorder *r, double seconds, int (*each)(struct bh_recorder *r),
		    bool tell);

/* How long the recording has lasted. */
static inline double bh_recorder_seconds(const struct bh_recorder *r)
{
	return (double)(r->now_ns - r->began_ns) / 1e9;
}

/* The name of an event's task type, or service; never NULL. */
const char *bh_recorder_type(const struct bh_recorder *r, const struct bh_event *e);
const char *bh_recorder_service(const struct bh_recorder *r, const struct bh_event *e);

/* The name of an event: "spawn", "wake", ... */
const char *bh_event_name(unsigned kind);

/* The name of how a poll ended (enum bh_event_poll). */
const char *bh_event_end_name(uint64_t end);

void bh_recorder_fini(struct bh_recorder *r);

#endif
