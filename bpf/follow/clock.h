/* SPDX-License-Identifier: MIT */
/*
 * clock.h: two clocks. The BPF programs have the machine's CLOCK_MONOTONIC; every
 * process of the system, traced too, has that of its time namespace, which may be
 * years away from it. An offset never changes once a process is in the namespace.
 */
#ifndef BH_BPF_CLOCK_H
#define BH_BPF_CLOCK_H

#include <stdint.h>

/* What this process's clock shows beyond the machine's, in ns. 0 as well where Linux
 * knows no time namespaces. */
int64_t bh_clock_offset_ns(void);

#endif
