/* SPDX-License-Identifier: MIT */
/*
 * shell.c: a service whose main runs the shell text of its option `sh`, forks a child that
 * waits for a signal if there is `child`, says that of `say`, without a newline, and ends;
 * with `stay`, when the system stops.
 */
#include <bulkhead/bulkhead.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void run(const char *text)
{
	if (text && system(text))
		fprintf(stderr, "shell: it failed\n");
}

static int64_t shell(void *unused)
{
	(void)unused;
	run(bh_option("sh"));
	while (bh_option("stay") && !bh_stopping())
		bh_sleep(BH_MS(20));
	if (bh_option("say"))
		printf("%s", bh_option("say"));
	return 0;
}

static int init(void)
{
	if (bh_option("init"))
		printf("%s", bh_option("init"));
	return 0;
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "shell",
	.init = init,
	.main = shell,
};
