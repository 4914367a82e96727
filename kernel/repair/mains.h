/* SPDX-License-Identifier: MIT */
/* mains.h: what services' main tasks come to. */
#ifndef BH_KERNEL_REPAIR_MAINS_H
#define BH_KERNEL_REPAIR_MAINS_H

#include "kernel/base/state.h"
#include "kernel/failure/facts.h"

/* Main crashed, of which @crash is the record, and is to start again: says when. */
void bh_main_crashed(struct bh_ksvc *s, const struct bh_crash_facts *f, uint64_t crash);

/* Once its worker is recovered: resets the service if main has crashed too often. */
void bh_main_judge(struct bh_ksvc *s);

/* Housekeeping: which mains have returned, and what. */
void bh_mains_look(struct bh_kernel *k);

/* The exit code of a system whose services are done. */
uint32_t bh_mains_exit_code(const struct bh_kernel *k);

#endif
