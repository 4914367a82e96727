/* SPDX-License-Identifier: MIT */
/* text.h: what is said of task types, errors and deaths. */
#ifndef BH_KERNEL_BASE_TEXT_H
#define BH_KERNEL_BASE_TEXT_H

#include "kernel/base/state.h"

/* The name of a task type, fit for a terminal. */
void bh_type_name(const struct bh_ksvc *s, uint32_t type, char out[static 40]);

/* What value -errno means, for people. */
const char *bh_error_text(int64_t value);

/* "died of SIGSEGV", "ended with exit code 3": for a wait status. */
const char *bh_death_text(int status, char buf[static 40]);

#endif
