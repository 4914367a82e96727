/* SPDX-License-Identifier: MIT */
/* main.c: the command that starts systems. */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "tools/bulkhead/config/config.h"
#include "tools/bulkhead/run.h"
#include "tools/output.h"

/* libc looks for it by name. */
__attribute__((visibility("default"))) const char *argp_program_version = "bulkhead " BH_VERSION;

/* A table in Markdown, as in docs/configuration.md. */
static int print_keys(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	bh_config_print();
	return BH_EXIT_OK;
}

static const struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
} verbs[] = {
	{ "run", bh_run },
	{ "check", bh_check },
	{ "keys", print_keys },
};

struct choice {
	const struct verb *verb;
	int at; /* of the verb in argv */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct choice *c = state->input;

	if (key == ARGP_KEY_NO_ARGS)
		argp_error(state, "what is to be done? (run, check or keys)");
	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(arg, verbs[i].name))
			c->verb = &verbs[i];
	if (!c->verb)
		argp_error(state, "there is no command %s (there are run, check and keys)", arg);
	/* The rest is the verb's. */
	c->at = state->next - 1;
	state->next = state->argc;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse,
		.args_doc = "run [CONFIG] [OPTION...]\ncheck CONFIG\nkeys",
		.doc = "Runs services in isolated worker processes, and survives their crashes.\v"
		       "  bulkhead run                  run the demo on 127.0.0.1:8080\n"
		       "  bulkhead run app.yaml         run what a configuration says\n"
		       "  bulkhead run --listen :9000   options win over the configuration\n"
		       "  bulkhead check app.yaml       say what is wrong with a configuration\n"
		       "  bulkhead keys                 print what a configuration may say\n\n"
		       "`bulkhead run --help` explains its options. A system that runs is looked at "
		       "and stopped with bhctl.",
	};
	struct choice c = { 0 };
	char name[32];

	bh_output_guard();
	argp_err_exit_status = BH_EXIT_USAGE;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &c);
	snprintf(name, sizeof(name), "bulkhead %s", c.verb->name);
	argv[c.at] = name;
	return c.verb->run(argc - c.at, argv + c.at);
}
