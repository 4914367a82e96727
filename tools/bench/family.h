/* SPDX-License-Identifier: MIT */
/* family.h: the CPU time and memory of a system's processes, seen from outside. */
#ifndef TOOLS_BENCH_FAMILY_H
#define TOOLS_BENCH_FAMILY_H

#include <stdbool.h>
#include <sys/types.h>

struct family {
	double cpu_s;
	double bytes; /* proportional set size: a page shared counts once */
	int processes;
};

/* Sums over @root and all its descendants. @memory is dear with many pages. */
void family_measure(struct family *f, pid_t root, bool memory);

#endif
