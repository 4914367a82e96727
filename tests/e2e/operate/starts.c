/* SPDX-License-Identifier: MIT */
/*
 * starts.c: a service whose beginning and end starts.sh chooses:
 *
 *   init_ms: N       init() takes so long
 *   missing: FILE    init() fails with -ENOENT while that file is not there
 *   crashes: FILE    main crashes while that file is there, and takes a byte off its end;
 *                    at its end the file is removed
 *   lives_ms: N      main waits for so long, or for a stop, before it returns
 *   value: N         what it returns
 */
#include <bulkhead/bulkhead.h>

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int64_t number(const char *key)
{
	const char *text = bh_option(key);

	return text ? strtoll(text, NULL, 10) : 0;
}

static int init(void)
{
	int64_t ms = number("init_ms");
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
	const char *missing = bh_option("missing");

	while (nanosleep(&t, &t))
		;
	return missing && access(missing, F_OK) ? -errno : 0;
}

/* Each start costs a byte. */
static void crash_while_there(const char *file)
{
	struct stat st;

	if (!file || stat(file, &st))
		return;
	if (st.st_size <= 1 ? unlink(file) : truncate(file, st.st_size - 1))
		exit(1);
	abort();
}

static int64_t run(void *unused)
{
	(void)unused;
	crash_while_there(bh_option("crashes"));
	return bh_token_wait(bh_stop_token(), bh_after(BH_MS(number("lives_ms")))) ?
		       number("value") :
		       0;
}

const struct bh_service bulkhead_service = {
	.size = offsetof(struct bh_service, worker_init), /* as of an older header */
	.name = "starts",
	.init = init,
	.main = run,
};
