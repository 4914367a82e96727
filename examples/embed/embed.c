/* SPDX-License-Identifier: MIT */
/*
 * embed.c: a program that is a Bulkhead system by itself. Its services are
 * linked in, and main() hands them over; there is no module and no `bulkhead`
 * command. Try:
 *
 *     embed --listen 127.0.0.1:9000 --workers 2
 *
 * The service counts to ten in tasks that run in whichever worker has time, and
 * one of them crashes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <bulkhead/bulkhead.h>

static int64_t square(void *arg)
{
	int64_t n = *(int64_t *)arg;

	if (n == 7)
		abort();
	return n * n;
}

static int64_t count(void *unused)
{
	bh_task tasks[10];
	struct bh_result res;

	(void)unused;
	for (int64_t n = 0; n < 10; n++)
		if (bh_spawn(&tasks[n], square, &n, sizeof(n), NULL))
			return 1;
	for (int n = 0; n < 10; n++) {
		if (bh_join(tasks[n], &res, BH_FOREVER))
			return 1;
		if (res.end == BH_END_RETURNED)
			printf("%d squared is %" PRId64 "\n", n, res.value);
		else
			printf("%d squared: signal %d ended it in worker %" PRIu32 "\n", n,
			       res.crash.signal, res.crash.worker);
		fflush(stdout);
	}
	return 0;
}

static const struct bh_service counter = {
	.size = sizeof(struct bh_service),
	.name = "counter",
	.main = count,
};

int main(int argc, char **argv)
{
	static const struct bh_service *const services[] = { &counter };

	return bh_main(argc, argv, services, 1);
}
