/* SPDX-License-Identifier: MIT */
/* report.h: the line of JSON. */
#ifndef TOOLS_BENCH_REPORT_H
#define TOOLS_BENCH_REPORT_H

#include "tools/bench/bench.h"
#include "tools/bench/family.h"

void report(const struct workload *w, const char *kind, struct page *p, const struct family *before,
	    const struct family *after);

#endif
