/* SPDX-License-Identifier: MIT */
#include "runtime.h"

#include <stdlib.h>
#include <string.h>

enum {
	FAILED = 86 /* exit code of a worker in which a CHECK failed */
};

static struct runtime_test *first, **last = &first;

void runtime_register(struct runtime_test *t)
{
	*last = t;
	last = &t->next;
}

void runtime_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, what);
	fflush(stderr);
	_Exit(FAILED);
}

static int run(const struct runtime_test *t)
{
	struct bh_spawn_opts opts = BH_SPAWN_OPTS_INIT;
	struct bh_result res;
	bh_task task;

	opts.name = t->name;
	if (bh_spawn(&task, t->run, NULL, 0, &opts) || bh_join(task, &res, BH_FOREVER)) {
		printf("%s: cannot be run\n", t->name);
		return 1;
	}
	if (res.end == BH_END_RETURNED && res.value == 0)
		printf("ok %s\n", t->name);
	else
		printf("FAILED %s: end %d, signal %d, exit code %d\n", t->name, (int)res.end,
		       res.crash.signal, res.crash.exit_code);
	fflush(stdout);
	return res.end != BH_END_RETURNED || res.value;
}

static int64_t run_all(void *unused)
{
	const char *only = getenv("ONLY");
	int failed = 0, ran = 0;

	(void)unused;
	for (struct runtime_test *t = first; t; t = t->next) {
		if (only && strcmp(only, t->name) != 0)
			continue;
		failed += run(t);
		ran++;
	}
	printf("%d tests, %d failed\n", ran, failed);
	fflush(stdout);
	return failed || !ran;
}

int runtime_main(int argc, char **argv, const char *name)
{
	static struct bh_service service = { .size = sizeof(service), .main = run_all };
	const struct bh_service *services[] = { &service };

	service.name = name;
	return bh_main(argc, argv, services, 1);
}
