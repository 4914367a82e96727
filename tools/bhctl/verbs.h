/* SPDX-License-Identifier: MIT */
/*
 * verbs.h: the verbs of bhctl and their options: tables for reading the command
 * line and for printing its help.
 *
 * A verb has several rows if its request depends on an option or an argument: the row whose
 * option (or argument) is given applies, else the row without `by`.
 */
#ifndef BH_TOOLS_BHCTL_VERBS_H
#define BH_TOOLS_BHCTL_VERBS_H

#include "tools/bhctl/bhctl.h"

enum bh_verb_id {
	BH_VERB_STATUS,
	BH_VERB_TOP,
	BH_VERB_WORKERS,
	BH_VERB_WIDE,
	BH_VERB_RESIZE,
	BH_VERB_TASKS,
	BH_VERB_DUMP,
	BH_VERB_CRASHES,
	BH_VERB_CRASH,
	BH_VERB_QUARANTINE,
	BH_VERB_LATENCY,
	BH_VERB_TOTAL,
	BH_VERB_TIMELINE,
	BH_VERB_PROFILE,
	BH_VERB_DEATHS,
	BH_VERB_HOGS,
	BH_VERB_WAKERS,
	BH_VERB_STREAM,
	BH_VERB_AUDIT,
	BH_VERB_STOP,
	BH_VERBS
};

struct bh_verb {
	const char *words;
	const char *args; /* behind them; NULL: nothing */
	const char *text; /* the verb's answer in a few words, for the list in the help */
	int by;         /* this option makes the verb this one; BH_BY_ARGUMENT: an argument does */
	const char *id; /* the argument, and where to find one; NULL: the verb takes none */
	/* A single request: how it is asked, shown, and put in JSON (NULL: as json.h does). */
	Bulkhead__Reply__AnswerCase answer;
	void (*ask)(struct bh_question *q, const struct bh_options *o);
	int (*show)(const Bulkhead__Reply *r);
	int (*json)(const Bulkhead__Reply *r, struct json_object *out);
	/* Or several. */
	int (*run)(const char *url, const struct bh_options *o);
};

enum {
	BH_BY_ARGUMENT = 1
};

extern const struct bh_verb bh_verbs[BH_VERBS];

/* An option of some verbs. Another text, or another name, for other verbs is another row. */
struct bh_verb_option {
	int key; /* its letter */
	const char *name, *arg, *text;
	uint32_t verbs; /* 1 << enum bh_verb_id */
};

extern const struct bh_verb_option bh_options[]; /* the last has no key */

/* The row of @words; @given: letters of the options that were. NULL: there is no such verb. */
const struct bh_verb *bh_verb_find(const char *words, const char *given, bool argument);

/* NULL: @v takes no @key. */
const struct bh_verb_option *bh_verb_takes(const struct bh_verb *v, int key);

/* `bhctl --help`; with @words, of the verbs that begin with them. False: no such verb. */
bool bh_help(const char *words);

#endif
