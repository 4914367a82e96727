/* SPDX-License-Identifier: MIT */
#include "tools/bulkhead/config/quota.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOT "/sys/fs/cgroup"

static bool read_line(const char *path, char line[64])
{
	FILE *f = fopen(path, "re");
	bool got = f && fgets(line, 64, f);

	if (f)
		fclose(f);
	return got;
}

/* "50000 100000", or "max 100000": of the unified hierarchy. */
static uint64_t quota_v2(const char *dir)
{
	char path[PATH_MAX + 16], line[64];
	unsigned long long quota, period;

	snprintf(path, sizeof(path), "%s/cpu.max", dir);
	if (!read_line(path, line) || sscanf(line, "%llu %llu", &quota, &period) != 2 || !period)
		return UINT64_MAX;
	return (quota + period - 1) / period;
}

/* Two files, and -1 for no quota: of the cpu controller's own. */
static uint64_t quota_v1(const char *dir)
{
	char path[PATH_MAX + 32], line[64];
	long long quota, period;

	snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", dir);
	if (!read_line(path, line) || (quota = atoll(line)) <= 0)
		return UINT64_MAX;
	snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", dir);
	if (!read_line(path, line) || (period = atoll(line)) <= 0)
		return UINT64_MAX;
	return (uint64_t)((quota + period - 1) / period);
}

/* The smallest quota from @group up to the root of the hierarchy. In a container the mounted
 * hierarchy may begin below the root that @group's path starts from: missing directories
 * are skipped. */
static uint64_t least(const char *mount, const char *group, uint64_t (*quota)(const char *dir))
{
	char dir[PATH_MAX];
	size_t root = strlen(mount);
	uint64_t n = UINT64_MAX;

	if ((size_t)snprintf(dir, sizeof(dir), "%s%s", mount, group) >= sizeof(dir))
		return n;
	for (;;) {
		uint64_t here = quota(dir);
		char *slash = strrchr(dir + root, '/');

		n = here < n ? here : n;
		if (!slash)
			return n;
		*slash = '\0';
	}
}

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; at; at = strchr(at, ','), at += at != NULL)
		if (!strncmp(at, word, len) && (at[len] == ',' || at[len] == '\0'))
			return true;
	return false;
}

/* A line of /proc/self/cgroup: "0::/group", "4:cpu,cpuacct:/group". */
static uint64_t quota_of(char *line)
{
	char *controllers = strchr(line, ':'), *group;

	line[strcspn(line, "\n")] = '\0';
	group = controllers ? strchr(controllers + 1, ':') : NULL;
	if (!group)
		return UINT64_MAX;
	*group++ = '\0';
	controllers++;
	if (!controllers[0])
		return least(ROOT, group, quota_v2);
	return has_word(controllers, "cpu") ? least(ROOT "/cpu", group, quota_v1) : UINT64_MAX;
}

uint32_t bh_quota_cpus(void)
{
	char line[PATH_MAX + 64];
	cpu_set_t set;
	uint64_t n = sched_getaffinity(0, sizeof(set), &set) ? 1 : (uint64_t)CPU_COUNT(&set);
	FILE *f = fopen("/proc/self/cgroup", "re");

	while (f && fgets(line, sizeof(line), f)) {
		uint64_t q = quota_of(line);

		n = q < n ? q : n;
	}
	if (f)
		fclose(f);
	return n ? (uint32_t)n : 1;
}
