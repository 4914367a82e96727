/* SPDX-License-Identifier: MIT */
#include "tools/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	EXIT_SYSTEM = 111,
};

/* Only close() reports a full disk behind a network, or an exceeded quota. */
static void close_stdout(void)
{
	bool lost = ferror(stdout); /* its reason is long gone */
	int err = fclose(stdout) ? errno : 0;

	if (!lost && !err)
		return;
	fprintf(stderr, "%s: the output could not be written%s%s\n", program_invocation_short_name,
		err ? ": " : "", err ? strerror(err) : "");
	_exit(EXIT_SYSTEM);
}

void bh_output_guard(void)
{
	/* The other way round than usual: a write must fail, not vanish. */
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", fd ? O_RDONLY : O_WRONLY);
	atexit(close_stdout);
}
