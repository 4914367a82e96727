/* SPDX-License-Identifier: MIT */
/*
 * bhctl.h: declarations shared by the parts of bhctl.
 *
 * A verb is a row of the table in verbs.c: how its request is made, how the
 * answer is shown to people, and how it is put in JSON.
 */
#ifndef BH_TOOLS_BHCTL_BHCTL_H
#define BH_TOOLS_BHCTL_BHCTL_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "bulkhead.pb-c.h"

enum bh_exit {
	BH_EXIT_OK = 0,
	BH_EXIT_NO = 1,       /* the system says no, or an audit found something */
	BH_EXIT_NONE = 3,     /* no system is running */
	BH_EXIT_USAGE = 100,  /* the command line is wrong */
	BH_EXIT_SYSTEM = 111, /* the machine refused something, or no system answered */
};

/* How latencies are grouped. */
enum bh_by {
	BH_BY_TASK = 0, /* its type */
	BH_BY_WORKER,
	BH_BY_SERVICE,
};

struct bh_options {
	const char *admin;        /* NULL: look for it */
	const char *service;      /* "": all */
	uint32_t limit;           /* 0: the verb's own */
	uint32_t set;             /* workers wanted */
	uint32_t seconds;         /* to record; 0: the verb's own */
	uint32_t max_mib;         /* of a file; 0: the verb's own */
	const char *output, *svg; /* files; NULL: none */
	uint64_t id;              /* of a task, or a crash; 0: all */
	enum bh_by by;
	const char *lift; /* TYPE or TYPE/KEY; NULL: nothing */
	bool json, now, once, all;
};

/* The request of a verb, and the memory it points to. */
struct bh_question {
	Bulkhead__Request request;
	union {
		Bulkhead__StatusRequest status;
		Bulkhead__WorkersRequest workers;
		Bulkhead__TasksRequest tasks;
		Bulkhead__CrashesRequest crashes;
		Bulkhead__TraceLatencyRequest latency;
		Bulkhead__AuditRequest audit;
		Bulkhead__ResizeRequest resize;
		Bulkhead__DumpRequest dump;
		Bulkhead__QuarantineRequest quarantine;
	};
};

/* Each verb: fills the question; shows the answer: exit codes. */
#define BH_VERB(name)                                                            \
	void bh_##name##_ask(struct bh_question *q, const struct bh_options *o); \
	int bh_##name##_show(const Bulkhead__Reply *r)

BH_VERB(status);
BH_VERB(workers);
int bh_workers_wide_show(const Bulkhead__Reply *r); /* with --wide */
BH_VERB(tasks);
BH_VERB(dump);
BH_VERB(crashes);
BH_VERB(audit);
BH_VERB(quarantine);
BH_VERB(resize); /* of `workers` with --set */

/* JSON of answers for which json.h's is not enough. */
int bh_dump_json(const Bulkhead__Reply *r, struct json_object *out);
int bh_audit_json(const Bulkhead__Reply *r, struct json_object *out);

/* Verbs that ask more than once: exit codes. */
int bh_crash_one(const char *url, const struct bh_options *o); /* `crashes` with an ID */
int bh_stop(const char *url, const struct bh_options *o);
int bh_top(const char *url, const struct bh_options *o);
int bh_stream(const char *url, const struct bh_options *o);
int bh_waits(const char *url, const struct bh_options *o);
int bh_latency_total(const char *url, const struct bh_options *o); /* with --total */
int bh_deaths(const char *url, const struct bh_options *o);
int bh_hogs(const char *url, const struct bh_options *o);
int bh_profile(const char *url, const struct bh_options *o);
int bh_wakers(const char *url, const struct bh_options *o);
int bh_timeline(const char *url, const struct bh_options *o);

#endif
