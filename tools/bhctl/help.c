/* SPDX-License-Identifier: MIT */
/* help.c: bhctl's help, from its tables. */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "tools/bhctl/verbs.h"

enum {
	OPTIONS = 40
};

/* Is @words a verb, or its first word? */
static bool is_of(const struct bh_verb *v, const char *words)
{
	size_t n = strlen(words);

	return !strncmp(v->words, words, n) && (!v->words[n] || v->words[n] == ' ');
}

/* The options of all rows of verb @words; NULL: the options that every verb has, which are
 * the options of `status`. */
static void options_of(const char *words, struct argp_option out[OPTIONS])
{
	size_t n = 0;

	for (const struct bh_verb_option *o = bh_options; o->key && n < OPTIONS - 1; o++) {
		bool has = !words && o->verbs >> BH_VERB_STATUS & 1;

		for (int v = 0; words && v < BH_VERBS; v++)
			has |= is_of(&bh_verbs[v], words) && o->verbs >> v & 1;
		if (has)
			out[n++] = (struct argp_option){
				.name = o->name, .key = o->key, .arg = o->arg, .doc = o->text
			};
	}
}

/* The verbs, or the rows of one. */
static void list(const char *words)
{
	char synopsis[64];

	for (const struct bh_verb *v = bh_verbs; v < bh_verbs + BH_VERBS; v++) {
		if (words && !is_of(v, words))
			continue;
		snprintf(synopsis, sizeof(synopsis), "%s%s%s", v->words, v->args ? " " : "",
			 v->args ? v->args : "");
		printf("  bhctl %-21s  %s\n", synopsis, v->text);
	}
}

static bool is_any(const char *words)
{
	for (int v = 0; v < BH_VERBS; v++)
		if (is_of(&bh_verbs[v], words))
			return true;
	return false;
}

bool bh_help(const char *words)
{
	struct argp_option options[OPTIONS] = { 0 };
	struct argp argp = { .options = options, .args_doc = "" };
	char name[64];

	options_of(words, options);
	snprintf(name, sizeof(name), "bhctl %s", words ? words : "VERB");
	if (words && !is_any(words))
		return false;
	argp_help(&argp, stdout, ARGP_HELP_SHORT_USAGE, name);
	if (!words)
		fputs("Looks at a running Bulkhead system, and stops it.\n", stdout);
	putchar('\n');
	list(words);
	putchar('\n');
	argp_help(&argp, stdout, ARGP_HELP_LONG, name);
	fputs("\nExit codes: 0 all is well; 1 the system says no (or the audit found something);\n"
	      "3 no system is running; 100 the command line is wrong; 111 nobody answers, or\n"
	      "another failure.\n",
	      stdout);
	return true;
}
