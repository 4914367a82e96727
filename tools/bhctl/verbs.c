/* SPDX-License-Identifier: MIT */
#include "tools/bhctl/verbs.h"

#include <string.h>

#define ANSWER(NAME, name) \
	.answer = BULKHEAD__REPLY__ANSWER_##NAME, .ask = bh_##name##_ask, .show = bh_##name##_show

const struct bh_verb bh_verbs[BH_VERBS] = {
	[BH_VERB_STATUS] = { "status", .text = "is it well? Services, workers, counts of tasks",
			     ANSWER(STATUS, status) },
	[BH_VERB_TOP] = { "top", .text = "all of it, live, on a terminal", .run = bh_top },
	[BH_VERB_WORKERS] = { "workers",
			      .text = "what each worker does, and how it gets its work",
			      ANSWER(WORKERS, workers) },
	[BH_VERB_WIDE] = { "workers", "--wide", "the same with all counters, on long lines",
			   .by = 'l', .answer = BULKHEAD__REPLY__ANSWER_WORKERS,
			   .ask = bh_workers_ask, .show = bh_workers_wide_show },
	[BH_VERB_RESIZE] = { "workers", "--set N", "more or fewer of them, up to max_workers",
			     .by = 'w', ANSWER(RESIZED, resize) },
	[BH_VERB_TASKS] = { "tasks", .text = "tasks by type, and one by one",
			    ANSWER(TASKS, tasks) },
	[BH_VERB_DUMP] = { "dump", "[TASK]", "what each task waits for, and where in its code",
			   .id = "task: `bhctl tasks` lists them, as 0x100000002",
			   ANSWER(DUMP, dump), .json = bh_dump_json },
	[BH_VERB_CRASHES] = { "crashes", .text = "what crashed, where, how fast it was back",
			      ANSWER(CRASHES, crashes) },
	[BH_VERB_CRASH] = { "crashes", "ID", "one, with the functions it was in",
			    .by = BH_BY_ARGUMENT,
			    .id = "crash: `bhctl crashes` lists them, by number",
			    .run = bh_crash_one },
	[BH_VERB_QUARANTINE] = { "quarantine",
				 .text = "who crashed too often and is refused; lets in again",
				 ANSWER(QUARANTINE, quarantine), },
	[BH_VERB_LATENCY] = { "trace latency", .text = "how long tasks wait for worker and CPU",
			      .run = bh_waits },
	[BH_VERB_TOTAL] = { "trace latency", "--total", "the same since the start, as far as known",
			    .by = 'T', .run = bh_latency_total },
	[BH_VERB_TIMELINE] = { "trace timeline",
			       .text = "who ran where and when, and who woke whom",
			       .run = bh_timeline },
	[BH_VERB_PROFILE] = { "trace profile", .text = "where the CPU time goes: a flame graph",
			      .run = bh_profile },
	[BH_VERB_DEATHS] = { "trace crashes", .text = "crashes as they happen, as Linux saw them",
			     .run = bh_deaths },
	[BH_VERB_HOGS] = { "trace hogs", .text = "which task types have the CPUs; longest polls",
			   .run = bh_hogs },
	[BH_VERB_WAKERS] = { "trace wakers", .text = "who wakes whom, how often",
			     .run = bh_wakers },
	[BH_VERB_STREAM] = { "trace stream", .text = "what workers do, event by event",
			     .run = bh_stream },
	[BH_VERB_AUDIT] = { "audit", .text = "do the invariants of the shared memory hold?",
			    ANSWER(AUDIT, audit), .json = bh_audit_json },
	[BH_VERB_STOP] = { "stop", .text = "stop the system; return when it has ended",
			   .run = bh_stop },
};

#define V(name) (1u << BH_VERB_##name)
#define ALL     (UINT32_MAX >> (32 - BH_VERBS))
_Static_assert(BH_VERBS <= 32, "a bit each");

const struct bh_verb_option bh_options[] = {
	{ 'j', "json", NULL, "print JSON with documented keys, for scripts", ALL & ~V(TOP) },
	{ 'a', "admin", "URL",
	  "admin endpoint of the system, as ipc:///absolute/path; else $BULKHEAD_ADMIN, else the "
	  "places where `bulkhead run` makes it",
	  ALL },
	{ '?', "help", NULL, "this list; with a verb, what that can do", ALL },
	{ 'V', "version", NULL, "print the version of bhctl", ALL },
	{ '?', "usage", NULL, NULL, 0 }, /* libc's messages speak of it */
	{ 's', "service", "NAME", "of this service alone",
	  V(WORKERS) | V(WIDE) | V(RESIZE) | V(TASKS) | V(DUMP) | V(AUDIT) | V(QUARANTINE) },
	{ 'l', "wide", NULL, "all counters, on lines longer than 80 columns", V(WIDE) },
	{ 'w', "set", "N", "have N of them from now on", V(RESIZE) },
	{ 'n', "limit", "N", "at most N (100; up to 10000)", V(TASKS) },
	{ 'n', "limit", "N", "at most N (1000; up to 10000)", V(DUMP) },
	{ 'n', "limit", "N", "the N newest", V(CRASHES) },
	{ 'L', "lift", "TYPE[/KEY]", "let in again who is listed so", V(QUARANTINE) },
	{ 'A', "all", NULL, "let in everybody", V(QUARANTINE) },
	{ 't', "seconds", "N", "record for so long (5)",
	  V(LATENCY) | V(TIMELINE) | V(PROFILE) | V(HOGS) | V(WAKERS) },
	{ 't', "seconds", "N", "for so long; else until interrupted", V(DEATHS) | V(STREAM) },
	{ 'b', "by", "WHAT", "by task (its type), worker or service", V(LATENCY) | V(TOTAL) },
	{ 'T', "total", NULL, "without recording: what was counted since the start; no queue wait",
	  V(TOTAL) },
	{ 'o', "output", "FILE", "write the timeline there, for Perfetto", V(TIMELINE) },
	{ 'o', "output", "FILE", "FILE.svg: the picture; else folded stacks", V(PROFILE) },
	{ 'S', "svg", "FILE", "write a picture there", V(TIMELINE) },
	{ 'M', "max-size", "MIB", "end the recording when the file has so many MiB (256)",
	  V(TIMELINE) },
	{ '1', "once", NULL, "print what it would show, and end; needs no terminal", V(TOP) },
	{ 'f', "now", NULL, "do not wait for requests under way", V(STOP) },
	{ 'f', NULL, NULL, "go on until interrupted, as it does", V(DEATHS) },
	{ 0 },
};

const struct bh_verb *bh_verb_find(const char *words, const char *given, bool argument)
{
	const struct bh_verb *plain = NULL;

	for (const struct bh_verb *v = bh_verbs; v < bh_verbs + BH_VERBS; v++) {
		if (strcmp(v->words, words) != 0)
			continue;
		if (v->by == BH_BY_ARGUMENT ? argument : v->by && strchr(given, v->by))
			return v;
		if (!v->by)
			plain = v;
	}
	return plain;
}

const struct bh_verb_option *bh_verb_takes(const struct bh_verb *v, int key)
{
	for (const struct bh_verb_option *o = bh_options; o->key; o++)
		if (o->key == key && o->verbs >> (v - bh_verbs) & 1)
			return o;
	return NULL;
}
