/* SPDX-License-Identifier: MIT */
#include "tools/bhctl/find.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/bhctl/bhctl.h"
#include "tools/place.h"

enum {
	PATIENCE = 20, /* times PAUSE_MS: an admin server is back within a second */
	PAUSE_MS = 50,
};

/* A socket is there and no process listens: the admin server has just died, and will
 * be back; or the whole system was killed. */
static int probe(const char *path)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000l };
	int err = bh_place_try(path);

	for (int i = 0; i < PATIENCE && err == -ECONNREFUSED; i++) {
		nanosleep(&pause, NULL);
		err = bh_place_try(path);
	}
	return err;
}

static int use(const char *url, const char *from, char out[BH_URL_BYTES])
{
	char path[BH_PLACE_BYTES];
	int err = bh_place_path(url, path);

	if (err) {
		fprintf(stderr,
			"bhctl: %s: %.120s is no admin endpoint: it must be ipc:// and an absolute "
			"path of at most %d bytes\n",
			from, url, BH_PLACE_BYTES - 1);
		return BH_EXIT_USAGE;
	}
	snprintf(out, BH_URL_BYTES, "%s", url);
	err = probe(path);
	if (err == -EACCES || err == -EPERM) {
		fprintf(stderr, "bhctl: %s: %s; ask as root, or as the user who runs the system\n",
			url, strerror(-err));
		return BH_EXIT_SYSTEM;
	}
	if (err) {
		fprintf(stderr, "bhctl: no system is running at %s (%s)\n", url, strerror(-err));
		return BH_EXIT_NONE;
	}
	return 0;
}

int bh_find(const char *admin, char url[BH_URL_BYTES])
{
	const char *env = getenv("BULKHEAD_ADMIN");
	char dirs[BH_PLACES][BH_PLACE_BYTES], looked[BH_PLACES * (BH_PLACE_BYTES + 2)] = "";
	size_t at = 0;
	int n;

	if (admin)
		return use(admin, "--admin", url);
	if (env && *env)
		return use(env, "$BULKHEAD_ADMIN", url);
	n = bh_place_dirs(dirs);
	for (int i = 0; i < n; i++) {
		char path[BH_PLACE_BYTES + sizeof("/" BH_PLACE_SOCKET)];

		snprintf(path, sizeof(path), "%.*s/" BH_PLACE_SOCKET, BH_PLACE_BYTES - 1, dirs[i]);
		snprintf(url, BH_URL_BYTES, "ipc://%s", path);
		/* A socket that another user put there could answer anything. */
		if (bh_place_owner_of(dirs[i]) && !probe(path))
			return 0;
		at += (size_t)snprintf(looked + at, sizeof(looked) - at, "%s%s", i ? ", " : "",
				       dirs[i]);
	}
	fprintf(stderr,
		"bhctl: no system is running (looked in %s): start one with `bulkhead run`, or name "
		"its endpoint with --admin\n",
		looked);
	return BH_EXIT_NONE;
}
