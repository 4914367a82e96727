/* SPDX-License-Identifier: MIT */
/*
 * config.h: a configuration file (docs/configuration.md) as a struct.
 *
 * Two passes over one text. The first walks the tree (yaml_tree.h) beside the
 * schema: unknown keys, wrong shapes, values that are out of range, each with
 * line and column and what was expected there. What passes it, libcyaml loads by
 * the same schema. Where a pointer is NULL the file says nothing, and plan_make.c
 * has the default.
 */
#ifndef BH_TOOLS_CONFIG_H
#define BH_TOOLS_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "ipc/plan.h"
#include "yaml_tree.h"

struct bh_config_limits {
	uint32_t *tasks, *io;
	char *memory;
};

struct bh_config_blocking {
	uint32_t *max;
	char *keep_alive;
};

struct bh_config_crash {
	uint32_t *intensity;
	char *period;
	char **exempt;
	unsigned exempt_count;
};

struct bh_config_scheduler {
	uint32_t *inject_interval, *event_interval, *budget, *lifo, *seed;
	char *spin;
};

struct bh_config_start {
	char *timeout;
};

struct bh_config_restart {
	uint32_t *intensity;
	char *period, *backoff_min, *backoff_max;
};

struct bh_config_hang {
	char *report_after, *kill_after;
};

struct bh_config_hog {
	char *after;
	enum bh_hog_action action;
};

struct bh_config_service {
	char *name, *module, *user;
	uint32_t *workers, *max_workers;
	char **listen;
	unsigned listen_count;
	struct bh_config_limits limits;
	struct bh_config_blocking blocking;
	struct bh_config_crash crash;
	struct bh_config_start start;
	struct bh_config_restart restart;
	struct bh_config_hang hang;
	struct bh_config_hog hog;
	struct bh_config_scheduler scheduler;
	enum bh_core core;
	/* `options`, whose keys no schema knows, stay in the tree. */
};

struct bh_config_data {
	char *admin, *grace;
	enum bh_strategy strategy;
	bool *trace;
	struct bh_config_service *services;
	unsigned services_count;
};

struct bh_config {
	const char *file; /* as the user named it */
	struct bh_yaml tree;
	struct bh_config_data *data;
};

/* Reads @path; NULL: the configuration that is built in. -EINVAL: @f says why.
 * bh_config_free() in any case. */
int bh_config_load(struct bh_config *c, const char *path, struct bh_fault *f);
int bh_config_parse(struct bh_config *c, const char *text, size_t bytes, struct bh_fault *f);
void bh_config_free(struct bh_config *c);

/* The first pass, for bh_config_load(). */
int bh_config_check(const struct bh_yaml *tree, struct bh_fault *f);

#define BH_CONFIG_BUILT_IN "built-in configuration"
extern const char bh_config_built_in[];

#endif
