/* SPDX-License-Identifier: MIT */
/* family.c: CPU time and memory of a process and its descendants. */
#include "tools/bench/family.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static pid_t parent_of(pid_t pid)
{
	char path[32], line[512];
	int ppid = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	FILE *f = fopen(path, "re");

	if (!f)
		return 0;
	/* The name, in brackets, may hold anything; what follows cannot. */
	const char *end = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;

	fclose(f);
	if (end && sscanf(end + 1, " %*c %d", &ppid) != 1)
		return 0;
	return ppid;
}

static bool belongs(pid_t pid, pid_t root)
{
	while (pid > 1 && pid != root)
		pid = parent_of(pid);
	return pid == root;
}

static double cpu_of(pid_t pid)
{
	struct timespec ts;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &ts))
		return 0;
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double bytes_of(pid_t pid)
{
	char path[48], line[256];
	unsigned long kib = 0;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Pss: %lu kB", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return (double)kib * 1024;
}

void family_measure(struct family *f, pid_t root, bool memory)
{
	struct dirent *e;
	DIR *proc = opendir("/proc");

	*f = (struct family){ 0 };
	while (proc && (e = readdir(proc))) {
		pid_t pid = isdigit((unsigned char)*e->d_name) ? atoi(e->d_name) : 0;

		if (!pid || !belongs(pid, root))
			continue;
		f->processes++;
		f->cpu_s += cpu_of(pid);
		if (memory)
			f->bytes += bytes_of(pid);
	}
	if (proc)
		closedir(proc);
}
