/* SPDX-License-Identifier: MIT */
/*
 * config.h: a configuration file (docs/configuration.md) as a tree that has been checked
 * against the table of keys. A fault is reported with its line and column, and with the
 * values expected there.
 */
#ifndef BH_TOOLS_BULKHEAD_CONFIG_CONFIG_H
#define BH_TOOLS_BULKHEAD_CONFIG_CONFIG_H

#include <stdint.h>

#include "tools/bulkhead/config/yaml_tree.h"

struct bh_config {
	const char *file; /* as the user named it */
	struct bh_yaml tree;
};

/* Reads @path; NULL: the configuration that is built in. -EINVAL: @f says why.
 * bh_config_free() in any case. */
int bh_config_load(struct bh_config *c, const char *path, struct bh_fault *f);
int bh_config_parse(struct bh_config *c, const char *text, size_t bytes, struct bh_fault *f);
void bh_config_free(struct bh_config *c);

/* The system's keys, and those of service @i. */
const struct bh_yaml_node *bh_config_root(const struct bh_config *c);
const struct bh_yaml_node *bh_config_service(const struct bh_config *c, uint32_t i);

/* For bh_config_load(). */
int bh_config_check(const struct bh_yaml *tree, struct bh_fault *f);

/* Prints the reference of all keys, as in docs/configuration.md. */
void bh_config_print(void);

#define BH_CONFIG_BUILT_IN "built-in configuration"
extern const char bh_config_built_in[];

#endif
