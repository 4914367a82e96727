/* SPDX-License-Identifier: MIT */
/*
 * plan_make.h: makes the kernel's plan of configuration and options, with defaults for
 * keys that neither sets. Nothing is opened or made here but files that
 * are looked for.
 */
#ifndef BH_TOOLS_BULKHEAD_CONFIG_PLAN_MAKE_H
#define BH_TOOLS_BULKHEAD_CONFIG_PLAN_MAKE_H

#include <stdbool.h>

#include "ipc/system/plan.h"
#include "tools/bulkhead/config/config.h"

/* The options of `bulkhead run`'s command line; they override the file. */
struct bh_run_options {
	const char *config;                 /* NULL: the one built in */
	const char *listen[BH_PLAN_LISTEN]; /* of the first service */
	uint32_t n_listen;
	bool strict;
	uint32_t workers;  /* of every service; 0: as configured */
	const char *admin; /* URL */
	/* A program with services of its own (bh_main): its path, their names. */
	const char *host;
	const char *linked[BH_PLAN_SERVICES];
	uint32_t n_linked;
};

/* The configuration that a program with linked-in services has by default: all
 * of them. */
int bh_config_linked(struct bh_config *c, const struct bh_run_options *o, struct bh_fault *f);

/* Fills @plan but for the fields set by listening and by the run directory. -EINVAL: @f
 * says why. */
int bh_plan_make(struct bh_plan *plan, const struct bh_config *c, const struct bh_run_options *o,
		 struct bh_fault *f);

#endif
