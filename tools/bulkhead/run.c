/* SPDX-License-Identifier: MIT */
/*
 * run.c: from a command line to a running system. Every fault of the user's
 * request is found here, before anything runs; then this
 * program becomes bulkhead-kernel, with the plan on descriptor 3.
 */
#include "tools/bulkhead/run.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipc/base/close_from.h"
#include "ipc/base/out.h"
#include "ipc/base/refused.h"
#include "tools/bulkhead/calls.h"
#include "tools/bulkhead/config/plan_make.h"
#include "tools/bulkhead/config/value.h"
#include "tools/bulkhead/limits.h"
#include "tools/bulkhead/listen.h"
#include "tools/bulkhead/rlimits.h"
#include "tools/bulkhead/rundir.h"
#include "tools/place.h"

enum {
	OPT_HOST = 256,
	OPT_SERVICE,
	OPT_STRICT,
};

static const struct argp_option run_options[] = {
	{ "listen", 'l', "ADDRESS", 0,
	  "Listen here instead of where the configuration says: HOST:PORT, unix:/PATH or "
	  "unix:@NAME; port 0: a free one, which the start-up lines name. Concerns the first service; may be given more than once",
	  0 },
	{ "workers", 'w', "N", 0, "Worker processes of each service (1 to 64)", 0 },
	{ "admin", 'a', "URL", 0,
	  "Admin endpoint, as ipc:///absolute/path. A directory that does not exist is made, "
	  "private, and removed at the end",
	  0 },
	{ "strict", OPT_STRICT, NULL, 0,
	  "For development: say where tasks keep or change what is their process's own, and what "
	  "to do instead: globals of the module and its libraries, pointers from malloc() and "
	  "thread-locals across a wait. Two workers at least; tasks are slow",
	  0 },
	{ "host", OPT_HOST, "PATH", OPTION_HIDDEN, NULL, 0 },
	{ "service", OPT_SERVICE, "NAME", OPTION_HIDDEN, NULL, 0 },
	{ 0 },
};

static void parse_workers(struct argp_state *state, struct bh_run_options *o, const char *arg)
{
	uint64_t n;

	if (!bh_value_number(arg, &n) || n < 1 || n > BH_MAX_WORKERS)
		argp_error(state, "--workers %s: expected a whole number from 1 to %d", arg,
			   BH_MAX_WORKERS);
	else
		o->workers = (uint32_t)n;
}

static void parse_listen(struct argp_state *state, struct bh_run_options *o, const char *arg)
{
	if (!bh_value_listen(arg))
		argp_error(state, "--listen %s: expected " BH_VALUE_LISTEN, arg);
	else if (o->n_listen == BH_PLAN_LISTEN)
		argp_error(state, "--listen: at most %d addresses", BH_PLAN_LISTEN);
	else
		o->listen[o->n_listen++] = arg;
}

static void parse_service(struct argp_state *state, struct bh_run_options *o, const char *arg)
{
	if (!bh_value_name(arg, sizeof(((struct bh_plan_service *)0)->name)) ||
	    o->n_linked == BH_PLAN_SERVICES)
		argp_error(state, "--service %s: not a name, or one too many", arg);
	else
		o->linked[o->n_linked++] = arg;
}

static error_t parse_run(int key, char *arg, struct argp_state *state)
{
	struct bh_run_options *o = state->input;
	char path[BH_PLACE_BYTES];

	switch (key) {
	case 'l':
		parse_listen(state, o, arg);
		return 0;
	case 'w':
		parse_workers(state, o, arg);
		return 0;
	case 'a':
		if (bh_place_path(arg, path))
			argp_error(state,
				   "--admin %s: expected ipc:// and an absolute path of at most %d "
				   "bytes",
				   arg, BH_PLACE_BYTES - 1);
		o->admin = arg;
		return 0;
	case OPT_STRICT:
		o->strict = true;
		return 0;
	case OPT_HOST:
		o->host = arg;
		return 0;
	case OPT_SERVICE:
		parse_service(state, o, arg);
		return 0;
	case ARGP_KEY_ARG:
		if (o->config)
			argp_error(state, "one configuration at most: %s is a second", arg);
		o->config = arg;
		return 0;
	case ARGP_KEY_END:
		if (!o->host != !o->n_linked)
			argp_error(state, "--host and --service belong together");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int say(const char *what)
{
	bh_outf(STDERR_FILENO, "bulkhead: %s\n", what);
	return BH_EXIT_SYSTEM;
}

/* Reads the configuration and makes the plan; false: it has been said why not. */
static bool prepare(struct bh_plan *plan, struct bh_config *c, struct bh_run_options *o)
{
	struct bh_fault f = { .file = "bulkhead" };
	int err = o->host && !o->config ? bh_config_linked(c, o, &f) :
					  bh_config_load(c, o->config, &f);

	if (!err)
		err = bh_plan_make(plan, c, o, &f);
	if (err)
		bh_outf(STDERR_FILENO, "%s\n", f.text);
	return !err;
}

/* A service needs at least as many descriptors as it has sockets. */
static int allow(struct bh_plan *plan, const struct bh_config *c)
{
	char why[BH_RLIMITS_WHY];
	struct bh_rlimits_given given = { 0 };

	for (uint32_t i = 0; i < plan->n_services; i++) {
		const struct bh_yaml_node *s = bh_config_service(c, i);

		given.io |= (uint32_t) !!bh_yaml_find(s, "limits.io") << i;
		given.memory |= (uint32_t) !!bh_yaml_find(s, "limits.memory") << i;
	}
	return bh_rlimits_make(plan, &given, why) ? say(why) : 0;
}

static int open_listeners(struct bh_plan *plan)
{
	char why[BH_LISTEN_WHY];

	return bh_listen_open_all(plan, why) ? say(why) : 0;
}

/* Descriptors that the caller left open are none of the system's; and 0 to 2 are
 * always something, or a socket would take their place. */
static int tidy_files(void)
{
	if (bh_close_from(3))
		return say("cannot close the descriptors that were left open: /proc is not there, "
			   "and close_range() is refused " BH_REFUSED_BY);
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return say("cannot open /dev/null");
	bh_out_open(); /* anew: its descriptors were closed */
	return 0;
}

static int place_plan(const struct bh_plan *plan)
{
	int fd = memfd_create("bulkhead-plan", MFD_CLOEXEC | MFD_ALLOW_SEALING), err = 0;

	if (fd < 0)
		return -errno;
	if (fchmod(fd, 0400) || write(fd, plan, sizeof(*plan)) != (ssize_t)sizeof(*plan) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		err = -errno;
	/* dup2 onto itself would keep FD_CLOEXEC. */
	if (!err && fd == BH_PLAN_FD)
		return fcntl(fd, F_SETFD, 0) ? -errno : 0;
	if (!err && dup2(fd, BH_PLAN_FD) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* The tour, printed for the demo. */
static void show_tour(const struct bh_plan *plan, const struct bh_run_options *o)
{
	const char *at = plan->services[0].listen[0].actual;
	char admin[sizeof(plan->admin_url) + 16] = "", by[BH_PLAN_ADDRESS + 32] = "";

	if (!strncmp(at, "unix:", 5)) {
		const char *name = at + 5;

		snprintf(by, sizeof(by), "--%sunix-socket %s ", *name == '@' ? "abstract-" : "",
			 name + (*name == '@'));
		at = "localhost";
	}

	if (o->admin)
		snprintf(admin, sizeof(admin), " --admin %s", plan->admin_url);
	bh_outf(STDOUT_FILENO,
		"Four things to try, from another terminal:\n"
		"  curl %shttp://%s/hello\n"
		"  curl -i %s'http://%s/crash?how=segv'\n"
		"  %s/bhctl status%s\n"
		"  %s/bhctl crashes%s\n",
		by, at, by, at, plan->libexec, admin, plan->libexec, admin);
}

static int become_kernel(const struct bh_plan *plan)
{
	char path[sizeof(plan->libexec) + 32], why[sizeof(path) + 128];
	char *argv[] = { (char[]){ "bulkhead-kernel" }, NULL };
	int err = place_plan(plan);

	snprintf(path, sizeof(path), "%s/bulkhead-kernel", plan->libexec);
	if (err) {
		snprintf(why, sizeof(why), "cannot hand over the plan: %s", strerror(-err));
		return say(why);
	}
	execv(path, argv);
	snprintf(why, sizeof(why), "cannot start %s: %s", path, strerror(errno));
	return say(why);
}

static int start(struct bh_plan *plan, const struct bh_config *c, const struct bh_run_options *o)
{
	const char *url = o->admin ? o->admin : bh_yaml_text(bh_config_root(c), "admin");
	char why[BH_RUNDIR_WHY];
	int err = allow(plan, c);

	if (err)
		return err;
	if (bh_rundir_make(plan, url, why))
		return say(why);
	err = open_listeners(plan);
	if (!err) {
		if (!o->config && !o->host)
			show_tour(plan, o);
		err = become_kernel(plan);
	}
	bh_plan_remove_files(plan);
	bh_rundir_undo(plan);
	return err;
}

int bh_run(int argc, char **argv)
{
	static const struct argp argp = {
		.options = run_options,
		.parser = parse_run,
		.args_doc = "[CONFIG]",
		.doc = "Runs the services that CONFIG names, in the foreground; without CONFIG, "
		       "the demo: the HTTP service of examples/http on 127.0.0.1:8080 with two "
		       "workers.\v"
		       "Options win over the configuration. SIGTERM or Ctrl-C stops the system "
		       "once requests under way are finished, a second one at once. What CONFIG "
		       "may say stands in docs/configuration.md; `bulkhead check CONFIG` tries "
		       "it without running it.\n\n"
		       "Exit codes: 0 stopped as asked, 100 the command line or the configuration is "
		       "wrong, 111 the machine refused something (an address that is taken, a "
		       "system that runs at that admin endpoint already).",
	};
	static struct bh_plan plan;
	struct bh_run_options o = { 0 };
	struct bh_config c = { 0 };
	char why[BH_CALLS_WHY], limit[BH_RLIMITS_WHY];
	int code = BH_EXIT_USAGE, err;

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	bh_out_open();
	if (bh_rlimits_begin(limit))
		return say(limit);
	if (bh_calls_try(why))
		return say(why);
	if (prepare(&plan, &c, &o)) {
		/* Only now: the configuration may be one of the caller's descriptors. */
		err = tidy_files();
		code = err ? err : start(&plan, &c, &o);
	}
	bh_config_free(&c);
	return code;
}

static error_t parse_check(int key, char *arg, struct argp_state *state)
{
	struct bh_run_options *o = state->input;

	if (key == ARGP_KEY_NO_ARGS)
		argp_error(state, "which configuration?");
	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	if (o->config)
		argp_error(state, "one configuration at a time");
	o->config = arg;
	return 0;
}

int bh_check(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse_check,
		.args_doc = "CONFIG",
		.doc = "Reads CONFIG as `bulkhead run` would, and says what is wrong with it, with "
		       "file, line and column, or what it would run.\v"
		       "Exit codes: 0 it is right, 100 it is not.",
	};
	static struct bh_plan plan;
	struct bh_run_options o = { 0 };
	struct bh_config c = { 0 };
	bool good;

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	good = prepare(&plan, &c, &o);
	for (uint32_t i = 0; good && i < plan.n_services; i++) {
		const struct bh_plan_service *s = &plan.services[i];

		printf("%s: %u worker%s, %s", s->name, s->workers, s->workers == 1 ? "" : "s",
		       s->module);
		for (uint32_t j = 0; j < s->n_listen; j++)
			printf("%s%s", j ? ", " : ", listens on ", s->listen[j].address);
		printf("\n");
		if (s->n_listen)
			bh_limits_print(s);
	}
	bh_config_free(&c);
	return good ? BH_EXIT_OK : BH_EXIT_USAGE;
}
