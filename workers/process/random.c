/* SPDX-License-Identifier: MIT */
#include "workers/process/random.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* Without the system's randomness (a filter that refuses the call) process and moment
 * still differ. */
static void draw(void *out, size_t n)
{
	struct timespec t;

	if (getrandom(out, n, GRND_NONBLOCK) == (ssize_t)n)
		return;
	clock_gettime(CLOCK_MONOTONIC, &t);
	unsigned long long x = (unsigned long long)t.tv_nsec << 32 ^ (unsigned long long)t.tv_sec ^
			       (unsigned long long)getpid() << 16;

	for (unsigned char *p = out; n--; p++) {
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		*p = (unsigned char)(x >> 56);
	}
}

void bh_random_reseed(void)
{
	struct {
		unsigned seed;
		unsigned short seed48[3];
	} fresh;

	draw(&fresh, sizeof(fresh));
	srandom(fresh.seed);
	seed48(fresh.seed48);
}
