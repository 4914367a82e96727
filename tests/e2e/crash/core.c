/* SPDX-License-Identifier: MIT */
/* core.c: a module for core.sh: tasks hold what is theirs while another one crashes. Each
 * text is put together in its place, so that nowhere but there is one to be found. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bulkhead/bulkhead.h>

enum {
	PAGE = 4096,
	BLOCKS = 8,
	BLOCK = 1 << 20
};

static int is(const char *how)
{
	const char *said = bh_option("how");

	return said && !strcmp(said, how);
}

static void mark(char *at, char first, const char *rest)
{
	*(volatile char *)at = first;
	for (size_t i = 0; i <= strlen(rest); i++)
		((volatile char *)at)[i + 1] = rest[i];
}

static int64_t other(void *unused)
{
	char mine[PAGE];

	(void)unused;
	mark(mine, 'S', "ECRET-OF-ANOTHER");
	while (!bh_sleep(BH_S(1)))
		;
	return mine[0];
}

static int64_t crashes(void *unused)
{
	char mine[4 * PAGE];
	char *block = bh_alloc(BLOCK / 2);

	(void)unused;
	mark(mine, 'M', "INE-ON-THE-STACK");
	mark(block, 'M', "INE-IN-A-BLOCK");
	if (is("fork")) {
		int status = 0;
		pid_t pid = fork();

		if (pid == 0)
			raise(SIGABRT);
		waitpid(pid, &status, 0);
		return mine[0] && WIFSIGNALED(status);
	}
	volatile int *volatile nowhere = (volatile int *)(uintptr_t)(mine[0] & 1 ? 8 : 16);
	*nowhere = block[0];
	return 0;
}

static int64_t core_main(void *unused)
{
	char *block[BLOCKS], *small = bh_alloc(100);
	struct bh_result res;
	bh_task t;

	(void)unused;
	mark(small, 'S', "ECRET-OF-ANOTHER");
	for (int i = 0; i < BLOCKS; i++) {
		block[i] = bh_alloc(BLOCK);
		for (int at = 0; block[i] && at < BLOCK; at += PAGE)
			mark(block[i] + at, 'S', "ECRET-OF-ANOTHER");
	}
	if (bh_spawn(NULL, other, NULL, 0, NULL))
		return 1;
	bh_sleep(BH_MS(10));
	if ((is("job") ? bh_spawn_blocking : bh_spawn)(&t, crashes, NULL, 0, NULL) ||
	    bh_join(t, &res, BH_FOREVER))
		return 1;
	printf("core: joined, end %d\n", (int)res.end);
	fflush(stdout);
	while (!bh_stopping() && !bh_sleep(BH_MS(50)))
		;
	return 0;
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "core",
	.main = core_main,
};
