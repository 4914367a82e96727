/* SPDX-License-Identifier: MIT */
/*
 * clock.h: two clocks. The BPF programs have the machine's CLOCK_MONOTONIC; every
 * process of the system, traced too, has that of its time namespace, which may be
 * years away from it. An offset never changes once a process is in the namespace.
 */
#ifndef BH_BPF_CLOCK_H
#define BH_BPF_CLOCK_H

#include <stdint.h>

/* This process's clock minus the machine's, in ns. 0, too, on a Linux without time
 * namespaces. */
int64_t bh_clock_offset_ns(void);

#endif
