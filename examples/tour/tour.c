/* SPDX-License-Identifier: MIT */
/* tour.c: the service: takes each stop of the tour in a task of its own. */
#include "tour.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout); /* a task may go on in another process: leave nothing in the buffer */
}

void must(int64_t err, const char *what)
{
	if (err >= 0)
		return;
	say("%s: %s", what, bh_strerror((int)err));
	abort();
}

static const struct stop {
	const char *name;
	void (*visit)(void);
} stops[] = {
	{ "tasks", tour_tasks },
	{ "poll tasks", tour_polls },
	{ "time", tour_time },
	{ "canceling", tour_cancel },
	{ "scopes", tour_scopes },
	{ "memory", tour_memory },
	{ "local sets", tour_local },
	{ "locks", tour_locks },
	{ "blocking", tour_blocking },
	{ "sockets", tour_sockets },
	{ "connections", tour_connections },
	{ "buffers", tour_buffers },
	{ "datagrams", tour_datagrams },
	{ "files", tour_files },
	{ "hosts", tour_hosts },
	{ "handing over", tour_handovers },
	{ "the service", tour_service },
};

static int64_t visit(void *arg)
{
	const struct stop *s = *(const struct stop **)arg;

	say("-- %s", s->name);
	s->visit();
	return 0;
}

static int64_t tour_main(void *unused)
{
	struct bh_result res;
	int lost = 0;

	(void)unused;
	for (size_t i = 0; i < sizeof(stops) / sizeof(*stops); i++) {
		const struct stop *s = &stops[i];
		bh_task t;

		MUST(bh_spawn(&t, visit, &s, sizeof(s), NULL));
		MUST(bh_join(t, &res, BH_FOREVER));
		if (res.end != BH_END_RETURNED) {
			say("%s: lost to signal %d", s->name, res.crash.signal);
			lost++;
		}
	}
	say("the end");
	return lost;
}

static const struct bh_service tour = {
	.size = sizeof(struct bh_service),
	.name = "tour",
	.main = tour_main,
};

int main(int argc, char **argv)
{
	static const struct bh_service *const services[] = { &tour };

	return bh_main(argc, argv, services, 1);
}
