/* SPDX-License-Identifier: MIT */
/* bhctl.c: the command that looks at a running system, and stops it. */
#include "bhctl.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "find.h"
#include "json.h"
#include "tools/output.h"
#include "value.h"

/* libc looks for it by name. */
__attribute__((visibility("default"))) const char *argp_program_version = "bhctl " BH_VERSION;

/* Options that not all verbs have. */
enum {
	TAKES_SERVICE = 1,
	TAKES_LIMIT = 2,
	TAKES_NOW = 4,
	TAKES_TASK = 16, /* an argument, as TAKES_CRASH */
	TAKES_WIDE = 32,
	TAKES_SET = 64,
	TAKES_SECONDS = 128,
	TAKES_OUTPUT = 256, /* and needs one */
	MAY_OUTPUT = 512,
	TAKES_FOLLOW = 1024, /* the same letter as --now */
	TAKES_BY = 2048,
	TAKES_TOTAL = 4096,
	TAKES_ONCE = 8192,
	TAKES_CRASH = 16384,
	TAKES_LIFT = 32768,
	TAKES_SIZE = 65536,
};

static const struct verb {
	const char *name;
	Bulkhead__Reply__AnswerCase answer;
	int takes;
	void (*ask)(struct bh_question *q, const struct bh_options *o);
	int (*show)(const Bulkhead__Reply *r);
	int (*json)(const Bulkhead__Reply *r, struct json_object *out); /* NULL: bh_json_answer() */
} verbs[] = {
	{ "status", BULKHEAD__REPLY__ANSWER_STATUS, 0, bh_status_ask, bh_status_show, NULL },
	{ "workers", BULKHEAD__REPLY__ANSWER_WORKERS, TAKES_SERVICE | TAKES_SET | TAKES_WIDE,
	  bh_workers_ask, bh_workers_show, NULL },
	{ "tasks", BULKHEAD__REPLY__ANSWER_TASKS, TAKES_SERVICE | TAKES_LIMIT, bh_tasks_ask,
	  bh_tasks_show, NULL },
	{ "dump", BULKHEAD__REPLY__ANSWER_DUMP, TAKES_SERVICE | TAKES_LIMIT | TAKES_TASK,
	  bh_dump_ask, bh_dump_show, bh_dump_json },
	{ "crashes", BULKHEAD__REPLY__ANSWER_CRASHES, TAKES_LIMIT | TAKES_CRASH, bh_crashes_ask,
	  bh_crashes_show, NULL },
	{ "audit", BULKHEAD__REPLY__ANSWER_AUDIT, TAKES_SERVICE, bh_audit_ask, bh_audit_show,
	  bh_audit_json },
	{ "quarantine", BULKHEAD__REPLY__ANSWER_QUARANTINE, TAKES_SERVICE | TAKES_LIFT,
	  bh_quarantine_ask, bh_quarantine_show, NULL },
};

/* What `workers` is with --set. */
static const struct verb resize = { "workers",
				    BULKHEAD__REPLY__ANSWER_RESIZED,
				    TAKES_SERVICE | TAKES_SET,
				    bh_resize_ask,
				    bh_resize_show,
				    NULL };

/* And with --wide. */
static const struct verb wide = { "workers",
				  BULKHEAD__REPLY__ANSWER_WORKERS,
				  TAKES_SERVICE | TAKES_WIDE,
				  bh_workers_ask,
				  bh_workers_wide_show,
				  NULL };

/* Verbs that ask more than once. */
static const struct session {
	const char *name;
	int takes;
	int (*run)(const char *url, const struct bh_options *o);
} sessions[] = {
	{ "stop", TAKES_NOW, bh_stop },
	{ "top", TAKES_ONCE, bh_top },
	{ "trace crashes", TAKES_SECONDS | TAKES_FOLLOW, bh_deaths },
	{ "trace hogs", TAKES_SECONDS, bh_hogs },
	{ "trace latency", TAKES_SECONDS | TAKES_BY | TAKES_TOTAL, bh_waits },
	{ "trace profile", TAKES_SECONDS | MAY_OUTPUT, bh_profile },
	{ "trace stream", TAKES_SECONDS, bh_stream },
	{ "trace timeline", TAKES_SECONDS | TAKES_OUTPUT | TAKES_SIZE, bh_timeline },
	{ "trace wakers", TAKES_SECONDS, bh_wakers },
};

/* What `trace latency` is with --total. */
static const struct session total = { "trace latency", TAKES_BY | TAKES_TOTAL, bh_latency_total };

/* And `crashes` with an argument. */
static const struct session crash = { "crashes", TAKES_CRASH, bh_crash_one };

struct command {
	struct bh_options o;
	const struct verb *verb;
	const struct session *session;
	char words[32]; /* of the verb */
	int given;      /* of TAKES_... */
};

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "Print JSON with documented keys, for scripts", 0 },
	{ "admin", 'a', "URL", 0,
	  "Admin endpoint of the system, as ipc:///absolute/path. Else $BULKHEAD_ADMIN, else the "
	  "places where `bulkhead run` makes it",
	  0 },
	{ "service", 's', "NAME", 0,
	  "workers, tasks, dump, quarantine, audit: of this service alone", 0 },
	{ "limit", 'n', "N", 0,
	  "tasks, dump: at most N (100, 1000; up to 10000); crashes: the N newest", 0 },
	{ "set", 'w', "N", 0, "workers: have N of them from now on", 0 },
	{ "lift", 'L', "TYPE[/KEY]", 0, "quarantine: let in again who is listed so", 0 },
	{ "all", 'A', NULL, 0, "quarantine: let in everybody", 0 },
	{ "seconds", 't', "N", 0,
	  "trace: record for so long (stream, crashes: until interrupted; else 5)", 0 },
	{ "output", 'o', "FILE", 0,
	  "trace timeline: write it there, for Perfetto; trace profile: FILE.svg, or folded stacks",
	  0 },
	{ "svg", 'S', "FILE", 0, "trace timeline: write a picture there", 0 },
	{ "max-size", 'M', "MIB", 0,
	  "trace timeline: end the recording when the file has so many MiB (256)", 0 },
	{ "by", 'b', "WHAT", 0, "trace latency: by task (its type), worker or service", 0 },
	{ "total", 'T', NULL, 0,
	  "trace latency: what was counted since the start, without recording: no queue wait", 0 },
	{ "once", '1', NULL, 0, "top: print what it would show, and end; needs no terminal", 0 },
	{ "wide", 'l', NULL, 0, "workers: all counters, on lines longer than 80 columns", 0 },
	{ "now", 'f', NULL, 0,
	  "stop: do not wait for requests under way. (trace crashes -f: go on until interrupted, "
	  "as it does)",
	  0 },
	{ 0 },
};

/* The argument of `dump`. */
static void take_task(struct command *c, const char *word, struct argp_state *state)
{
	char *end;

	c->o.id = strtoull(word, &end, 0);
	if (*word < '0' || *word > '9' || *end || !c->o.id)
		argp_error(state, "%.40s is no task: `bhctl tasks` lists them, as 0x100000002",
			   word);
	c->given |= TAKES_TASK;
}

/* That of `crashes`. */
static void take_crash(struct command *c, const char *word, struct argp_state *state)
{
	char *end;

	c->o.id = strtoull(word, &end, 10);
	if (*word < '0' || *word > '9' || *end || !c->o.id)
		argp_error(state, "%.40s is no crash: `bhctl crashes` lists them, by number", word);
	c->given |= TAKES_CRASH;
}

static void take_word(struct command *c, const char *word, struct argp_state *state)
{
	size_t n = strlen(c->words);

	if (c->verb && (c->verb->takes & ~c->given & TAKES_TASK)) {
		take_task(c, word, state);
		return;
	}
	if (c->verb && (c->verb->takes & ~c->given & TAKES_CRASH)) {
		take_crash(c, word, state);
		return;
	}
	if (c->verb || c->session)
		argp_error(state, "%s takes no argument: what is %.40s?", c->words, word);
	snprintf(c->words + n, sizeof(c->words) - n, "%s%.20s", n ? " " : "", word);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(c->words, verbs[i].name))
			c->verb = &verbs[i];
	for (size_t i = 0; i < sizeof(sessions) / sizeof(sessions[0]); i++)
		if (!strcmp(c->words, sessions[i].name))
			c->session = &sessions[i];
}

static const struct {
	int bit;
	const char *option;
} takes[] = {
	{ TAKES_SERVICE, "service" }, { TAKES_LIMIT, "limit" },
	{ TAKES_NOW, "now" },         { TAKES_SET, "set" },
	{ TAKES_WIDE, "wide" },       { TAKES_ONCE, "once" },
	{ TAKES_SECONDS, "seconds" }, { TAKES_OUTPUT, "output or --svg" },
	{ TAKES_BY, "by" },           { TAKES_SIZE, "max-size" },
	{ TAKES_TOTAL, "total" },     { TAKES_LIFT, "lift or --all" },
};

static void finish(struct command *c, struct argp_state *state)
{
	if (!c->words[0])
		argp_error(state, "what do you want to know? Try `bhctl status`");
	if (!c->verb && !strcmp(c->words, "trace"))
		argp_error(state, "trace what? There are `bhctl trace latency`, timeline, profile, "
				  "crashes, hogs, wakers and stream");
	if (!c->verb && !c->session)
		argp_error(state, "there is no verb `%s`", c->words);
	if (c->given & TAKES_CRASH) {
		c->session = &crash;
		c->verb = NULL;
	}
	int can = c->verb ? c->verb->takes : c->session->takes;
	if (can & MAY_OUTPUT && !c->o.svg)
		can |= TAKES_OUTPUT;
	if (can & TAKES_FOLLOW)
		can |= TAKES_NOW;
	int wrong = c->given & ~can;
	for (size_t i = 0; i < sizeof(takes) / sizeof(takes[0]); i++)
		if (wrong & takes[i].bit)
			argp_error(state, "%s takes no --%s", c->words, takes[i].option);
	if (c->session && (c->session->takes & TAKES_OUTPUT) && !c->o.output && !c->o.svg)
		argp_error(state, "%s: where to? Say -o FILE, or --svg FILE", c->words);
	if (c->o.all && c->o.lift)
		argp_error(state, "--lift %.80s, or --all?", c->o.lift);
	if (c->given & TAKES_SET)
		c->verb = &resize;
	else if (c->given & TAKES_WIDE)
		c->verb = &wide;
	if (c->given & TAKES_TOTAL) {
		c->session = &total;
		if (c->given & TAKES_SECONDS)
			argp_error(state, "--total is since the start: it takes no --seconds");
	}
}

static enum bh_by what_by(const char *arg, struct argp_state *state)
{
	static const char *const names[] = {
		[BH_BY_TASK] = "task", [BH_BY_WORKER] = "worker", [BH_BY_SERVICE] = "service"
	};

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(arg, names[i]))
			return (enum bh_by)i;
	argp_error(state, "--by %.40s: expected task, worker or service", arg);
	return BH_BY_TASK;
}

static uint32_t number(const char *arg, const char *option, struct argp_state *state)
{
	char *end;
	unsigned long n = strtoul(arg, &end, 10);

	if (*arg < '0' || *arg > '9' || *end || !n || n > 1000000)
		argp_error(state, "--%s %s: expected a whole number from 1 to 1000000", option,
			   arg);
	return (uint32_t)n;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct command *c = state->input;

	switch (key) {
	case 'j':
		c->o.json = true;
		return 0;
	case 'a':
		c->o.admin = arg;
		return 0;
	case 's':
		c->o.service = arg;
		c->given |= TAKES_SERVICE;
		return 0;
	case 'n':
		c->o.limit = number(arg, "limit", state);
		c->given |= TAKES_LIMIT;
		return 0;
	case 'w':
		c->o.set = number(arg, "set", state);
		c->given |= TAKES_SET;
		return 0;
	case 'L':
		c->o.lift = arg;
		c->given |= TAKES_LIFT;
		return 0;
	case 'A':
		c->o.all = true;
		c->given |= TAKES_LIFT;
		return 0;
	case 't':
		c->o.seconds = number(arg, "seconds", state);
		c->given |= TAKES_SECONDS;
		return 0;
	case 'o':
	case 'S':
		*(key == 'o' ? &c->o.output : &c->o.svg) = arg;
		c->given |= TAKES_OUTPUT;
		return 0;
	case 'M':
		c->o.max_mib = number(arg, "max-size", state);
		c->given |= TAKES_SIZE;
		return 0;
	case 'b':
		c->o.by = what_by(arg, state);
		c->given |= TAKES_BY;
		return 0;
	case 'T':
		c->given |= TAKES_TOTAL;
		return 0;
	case '1':
		c->o.once = true;
		c->given |= TAKES_ONCE;
		return 0;
	case 'l':
		c->given |= TAKES_WIDE;
		return 0;
	case 'f':
		c->o.now = true;
		c->given |= TAKES_NOW;
		return 0;
	case ARGP_KEY_ARG:
		take_word(c, arg, state);
		return 0;
	case ARGP_KEY_END:
		finish(c, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const char doc[] =
	"Looks at a running Bulkhead system, and stops it.\v"
	"  bhctl status          is it well? Services, workers, counts of tasks\n"
	"  bhctl top             all of it, live, on a terminal\n"
	"  bhctl workers         what each worker does, and how it gets its work\n"
	"  bhctl workers --set N more or fewer of them, up to max_workers\n"
	"  bhctl tasks           tasks by type, and one by one\n"
	"  bhctl dump [TASK]     what each task waits for, and where in its code\n"
	"  bhctl crashes [ID]    what crashed, where, and how fast it was back\n"
	"  bhctl quarantine      who crashed too often and is refused; --lift TYPE[/KEY], --all\n"
	"  bhctl trace latency   how long tasks wait for a worker and a CPU, and are polled\n"
	"  bhctl trace timeline  who ran where and when, and who woke whom: -o FILE, --svg FILE\n"
	"  bhctl trace profile   where the CPU time goes: a flame graph with -o FILE.svg\n"
	"  bhctl trace crashes -f crashes as they happen, with what Linux saw of them\n"
	"  bhctl trace hogs      which task types have the CPUs, and the longest polls\n"
	"  bhctl trace wakers    who wakes whom, how often\n"
	"  bhctl trace stream    what workers do, event by event\n"
	"  bhctl audit           check the invariants of the shared memory\n"
	"  bhctl stop            stop the system; return when it has ended\n\n"
	"Exit codes: 0 all is well; 1 the system says no (or the audit found something); 3 no "
	"system is running; 100 the command line is wrong; 111 nobody answers, or another "
	"failure.\n";

static int print_json(const struct verb *v, const Bulkhead__Reply *r)
{
	struct json_object *out = json_object_new_object();
	int code = BH_EXIT_OK;

	if (v->json)
		code = v->json(r, out);
	else
		bh_json_answer(out, r);
	bh_value_print(out, false);
	return code;
}

static int show(const struct command *c, const Bulkhead__Reply *r)
{
	if (r->error) {
		fprintf(stderr, "bhctl: %s\n", r->error->text);
		return BH_EXIT_NO;
	}
	if (r->answer_case != c->verb->answer) {
		fprintf(stderr, "bhctl: the system gives an answer that bhctl " BH_VERSION
				" does not understand: are they of the same version?\n");
		return BH_EXIT_SYSTEM;
	}
	return c->o.json ? print_json(c->verb, r) : c->verb->show(r);
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options, .parser = parse, .args_doc = "VERB [TASK|ID]", .doc = doc
	};
	struct command c = { .o.service = "" };
	struct bh_question q = { 0 };
	Bulkhead__Reply *r = NULL;
	char url[BH_URL_BYTES];

	bh_output_guard();
	argp_err_exit_status = BH_EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &c);
	int code = bh_find(c.o.admin, url);
	if (code)
		return code;
	if (c.session)
		return c.session->run(url, &c.o);
	bulkhead__request__init(&q.request);
	c.verb->ask(&q, &c.o);
	code = bh_ask(url, &q.request, &r);
	if (code)
		return code;
	code = show(&c, r);
	bulkhead__reply__free_unpacked(r, NULL);
	return code;
}
