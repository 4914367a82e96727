/* SPDX-License-Identifier: MIT */
#include "tools/admind/refusal.h"

#include <stdint.h>
#include <stdio.h>
#include <time.h>

#define PAUSE_NS 1000000000ll

static int64_t next_ns;
static unsigned long unsaid;

void bh_refusal_say(const char *what)
{
	struct timespec ts;
	char more[48] = "";

	clock_gettime(CLOCK_MONOTONIC, &ts);
	int64_t now = ts.tv_sec * 1000000000ll + ts.tv_nsec;

	if (now < next_ns) {
		unsaid++;
	} else {
		if (unsaid)
			snprintf(more, sizeof(more), " (and %lu more before)", unsaid);
		fprintf(stderr, "bulkhead: admin endpoint: refused %s%s\n", what, more);
		unsaid = 0;
		next_ns = now + PAUSE_NS;
	}
}
