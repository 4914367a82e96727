/* SPDX-License-Identifier: MIT */
/* service.c: service.h and base.h: what a service knows of itself. */
#include "tour.h"

#include <string.h>

void tour_service(void)
{
	struct bh_stats all = { .size = sizeof(all) };
	struct bh_worker_stats one = { .size = sizeof(one) };
	const char *colour = bh_option("colour");

	MUST(bh_stats_get(&all));
	MUST(bh_worker_stats_get(bh_worker(), &one));
	say("%u workers; tasks crashed so far: %d", bh_workers(), (int)all.crashed);
	say("this worker has run tasks: %s", one.polls > 0 ? "yes" : "no");
	say("option colour: %s", colour ? colour : "not set");
	say("stopping: %d", bh_stopping());
	say("version: %s", strlen(bh_version()) ? "known" : "unknown");
	/* Two lines on stderr. */
	bh_log(BH_LOG_INFO, "the tour is nearly over: %d stops behind it", 10);
	bh_log_fields(BH_LOG_INFO, (struct bh_field[]){ { "version", bh_version(), 0 } }, 1,
		      "this is");
	bh_unconstrained(1); /* no budget: this task may hold its worker for long */
	bh_unconstrained(0);
}
