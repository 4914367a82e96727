/* SPDX-License-Identifier: MIT */
/* main.c: the command that looks at a running system, and stops it. */
#include "tools/bhctl/bhctl.h"

#include <argp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bhctl/ask.h"
#include "tools/bhctl/find.h"
#include "tools/bhctl/show/json.h"
#include "tools/bhctl/show/value.h"
#include "tools/bhctl/verbs.h"
#include "tools/output.h"

enum {
	OPTIONS = 40
};

struct command {
	struct bh_options o;
	const struct bh_verb *verb;
	char words[32];      /* of the verb */
	char given[OPTIONS]; /* letters of options */
	bool argument, help;
};

/* The argument of a verb that takes one. */
static void take_id(struct command *c, const char *word, const char *what, struct argp_state *state)
{
	char *end;

	c->o.id = strtoull(word, &end, strncmp(word, "0x", 2) ? 10 : 16);
	if (*word < '0' || *word > '9' || *end || !c->o.id)
		argp_error(state, "%.40s is no %s", word, what);
	c->argument = true;
}

static void take_word(struct command *c, const char *word, struct argp_state *state)
{
	const struct bh_verb *v = bh_verb_find(c->words, c->given, true);
	size_t n = strlen(c->words);

	if (v && v->id && !c->argument)
		take_id(c, word, v->id, state);
	else if (v)
		argp_error(state, "%s takes no argument: what is %.40s?", c->words, word);
	else
		snprintf(c->words + n, sizeof(c->words) - n, "%s%.20s", n ? " " : "", word);
}

/* Verbs that take @key: "status, workers and others". */
static const char *who_takes(int key, char out[160])
{
	size_t at = 0;
	int n = 0;

	for (const struct bh_verb *v = bh_verbs; v < bh_verbs + BH_VERBS; v++) {
		if (!bh_verb_takes(v, key) ||
		    (n && !strcmp(v->words, v[-1].words) && bh_verb_takes(v - 1, key)))
			continue;
		if (n++ == 5)
			return strcat(out, " and others");
		at += (size_t)snprintf(out + at, 160 - at, "%s%s", n > 1 ? ", " : "", v->words);
	}
	return out;
}

static const char *name_of(int key)
{
	const struct bh_verb_option *o = bh_options;

	while (o->key != key || !o->name)
		o++;
	return o->name;
}

/* There is no verb @words. */
static void no_verb(const char *words, struct argp_state *state)
{
	char all[160] = "";
	size_t at = 0;

	if (!words[0])
		argp_error(state, "what do you want to know? Try `bhctl status`");
	if (strcmp(words, "trace") != 0)
		argp_error(state, "there is no verb `%s`", words);
	for (const struct bh_verb *v = bh_verbs; v < bh_verbs + BH_VERBS; v++)
		if (!strncmp(v->words, "trace ", 6) && !v->by)
			at += (size_t)snprintf(all + at, sizeof(all) - at, "%s%s", at ? ", " : "",
					       v->words + 6);
	argp_error(state, "trace what? There are %s", all);
}

static void finish(struct command *c, struct argp_state *state)
{
	const struct bh_verb *v = bh_verb_find(c->words, c->given, c->argument);
	char who[160] = "";

	if (c->help && bh_help(c->words[0] ? c->words : NULL))
		exit(BH_EXIT_OK);
	if (!v)
		no_verb(c->words, state);
	for (const char *key = c->given; *key; key++)
		if (!bh_verb_takes(v, *key))
			argp_error(state, "%s%s%s takes no --%s: it is an option of %s", c->words,
				   v->by ? " " : "", v->by ? v->args : "", name_of(*key),
				   who_takes(*key, who));
	if (v == &bh_verbs[BH_VERB_TIMELINE] && !c->o.output && !c->o.svg)
		argp_error(state, "%s: where to? Say -o FILE, or --svg FILE", c->words);
	if (c->o.all && c->o.lift)
		argp_error(state, "--lift %.80s, or --all?", c->o.lift);
	c->verb = v;
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
	size_t n = strlen(c->given);

	if (key == ARGP_KEY_ARG) {
		take_word(c, arg, state);
		return 0;
	}
	if (key == ARGP_KEY_END) {
		finish(c, state);
		return 0;
	}
	if (key <= 0 || key > CHAR_MAX)
		return ARGP_ERR_UNKNOWN;
	if (!strchr(c->given, key) && n + 1 < sizeof(c->given))
		c->given[n] = (char)key;
	switch (key) {
	case 'j':
		c->o.json = true;
		return 0;
	case 'a':
		c->o.admin = arg;
		return 0;
	case 's':
		c->o.service = arg;
		return 0;
	case 'n':
		c->o.limit = number(arg, "limit", state);
		return 0;
	case 'w':
		c->o.set = number(arg, "set", state);
		return 0;
	case 'L':
		c->o.lift = arg;
		return 0;
	case 'A':
		c->o.all = true;
		return 0;
	case 't':
		c->o.seconds = number(arg, "seconds", state);
		return 0;
	case 'o':
		c->o.output = arg;
		return 0;
	case 'S':
		c->o.svg = arg;
		return 0;
	case 'M':
		c->o.max_mib = number(arg, "max-size", state);
		return 0;
	case 'b':
		c->o.by = what_by(arg, state);
		return 0;
	case '1':
		c->o.once = true;
		return 0;
	case 'f':
		c->o.now = true;
		return 0;
	case '?':
		c->help = true;
		return 0;
	case 'V':
		puts("bhctl " BH_VERSION);
		exit(BH_EXIT_OK);
	default: /* what makes the verb another one */
		return 0;
	}
}

static int print_json(const struct bh_verb *v, const Bulkhead__Reply *r)
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
	struct argp_option options[OPTIONS] = { 0 };
	const struct argp argp = { .options = options, .parser = parse, .args_doc = "VERB" };
	struct command c = { .o.service = "" };
	struct bh_question q = { 0 };
	Bulkhead__Reply *r = NULL;
	char url[BH_URL_BYTES];

	for (size_t i = 0; i < OPTIONS - 1 && bh_options[i].key; i++)
		options[i] = (struct argp_option){ .name = bh_options[i].name,
						   .key = bh_options[i].key,
						   .arg = bh_options[i].arg };
	bh_output_guard();
	argp_err_exit_status = BH_EXIT_USAGE;
	argp_parse(&argp, argc, argv, ARGP_NO_HELP, NULL, &c);
	int code = bh_find(c.o.admin, url);
	if (code)
		return code;
	if (c.verb->run)
		return c.verb->run(url, &c.o);
	bulkhead__request__init(&q.request);
	c.verb->ask(&q, &c.o);
	code = bh_ask(url, &q.request, &r);
	if (code)
		return code;
	code = show(&c, r);
	bulkhead__reply__free_unpacked(r, NULL);
	return code;
}
