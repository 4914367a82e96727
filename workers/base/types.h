/* SPDX-License-Identifier: MIT */
/* types.h: task types. */
#ifndef BH_WORKERS_BASE_TYPES_H
#define BH_WORKERS_BASE_TYPES_H

#include "workers/base/rt.h"

/* The index of type {fn, name}; registers it on first use. When the table is
 * full: the last entry, "other". */
uint32_t bh_type_of(uint64_t fn, const char *name);

#endif
