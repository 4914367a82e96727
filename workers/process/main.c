/* SPDX-License-Identifier: MIT */
/*
 * main.c: bh_main(): a program with services of its own.
 *
 * The same program is run twice over: first by the user, when it becomes
 * `bulkhead run` by exec, with its own path as the services' host; then by the
 * kernel, as the zygote of one of them.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "workers/process/zygote.h"

static _Noreturn void be_zygote(const struct bh_service *const *services, size_t count)
{
	const struct bh_plan_service *ps = bh_zygote_plan();

	for (size_t i = 0; i < count; i++)
		if (services[i]->name && !strcmp(services[i]->name, ps->name))
			bh_zygote_run(services[i]);
	bh_zygote_fail(-ENOENT, "this program has no service of that name");
}

static char run_name[] = "bulkhead", run_command[] = "run";
static char host_option[] = "--host", service_option[] = "--service";

/* Tries DIR/bulkhead; returns if it is not there. */
static void try_exec(const char *dir, char **args)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/bulkhead", dir) < sizeof(path))
		execv(path, args);
}

int bh_main(int argc, char **argv, const struct bh_service *const *services, size_t count)
{
	char self[PATH_MAX], dir[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char **args = calloc((size_t)argc + 2 * count + 5, sizeof(*args));
	size_t a = 0;

	if (argc > 1 && !strcmp(argv[1], "--zygote") && getenv("BULKHEAD_SERVICE"))
		be_zygote(services, count);
	if (n <= 0 || !args) {
		fprintf(stderr, "%s: cannot find its own program file: %s\n", argv[0],
			strerror(errno));
		free(args);
		return 111;
	}
	self[n] = '\0';
	strcpy(dir, self);
	*strrchr(dir, '/') = '\0';
	args[a++] = run_name;
	args[a++] = run_command;
	args[a++] = host_option;
	args[a++] = self;
	for (size_t i = 0; i < count; i++) {
		args[a++] = service_option;
		args[a++] = strdup(services[i]->name ? services[i]->name : "service");
	}
	for (int i = 1; i < argc; i++)
		args[a++] = argv[i];
	try_exec(dir, args);
	if (getenv("BULKHEAD_BIN"))
		try_exec(getenv("BULKHEAD_BIN"), args);
	execvp("bulkhead", args);
	fprintf(stderr,
		"%s: cannot run `bulkhead`: it is neither in %s, nor in $BULKHEAD_BIN, nor in PATH\n",
		argv[0], dir);
	free(args);
	return 111;
}
