/* SPDX-License-Identifier: MIT */
/*
 * yaml_tree.h: a YAML file as a tree in which each node knows its line and column, for
 * messages about its value.
 *
 * Input is bounded: bytes, nodes, depth; no aliases, one document.
 */
#ifndef BH_TOOLS_BULKHEAD_CONFIG_YAML_TREE_H
#define BH_TOOLS_BULKHEAD_CONFIG_YAML_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "tools/bulkhead/config/fault.h"

enum {
	BH_YAML_BYTES = 256 * 1024,
	BH_YAML_NODES = 8192,
	BH_YAML_DEPTH = 12,
};

enum bh_yaml_kind {
	BH_YAML_SCALAR,
	BH_YAML_SEQUENCE,
	BH_YAML_MAPPING,
};

struct bh_yaml_node {
	enum bh_yaml_kind kind;
	uint32_t line, column;         /* of the value */
	uint32_t key_line, key_column; /* of the key; else of the value */
	uint32_t index;                /* in its sequence or mapping */
	char *key;                     /* NULL: not in a mapping */
	char *value;                   /* of a scalar */
	struct bh_yaml_node *parent, *first, *last, *next;
};

struct bh_yaml {
	char *text;
	size_t bytes;
	struct bh_yaml_node *nodes; /* nodes[0] is the root */
	uint32_t n;
};

/* Reads @path, or parses @bytes of @text. -EINVAL: @f says why. */
int bh_yaml_read(struct bh_yaml *y, const char *path, struct bh_fault *f);
int bh_yaml_parse(struct bh_yaml *y, const char *text, size_t bytes, struct bh_fault *f);
void bh_yaml_free(struct bh_yaml *y);

/* The value of @key in mapping @node; NULL: not there. @node may be NULL. */
const struct bh_yaml_node *bh_yaml_get(const struct bh_yaml_node *node, const char *key);

/* Element @i of sequence @node. */
const struct bh_yaml_node *bh_yaml_at(const struct bh_yaml_node *node, uint32_t i);

/* The value at @path below @node, as "limits.io"; NULL: not there. */
const struct bh_yaml_node *bh_yaml_find(const struct bh_yaml_node *node, const char *path);

/* The text of the scalar at @path. */
const char *bh_yaml_text(const struct bh_yaml_node *node, const char *path);

/* "services[0].limits.tasks"; cut if it does not fit. */
const char *bh_yaml_path(const struct bh_yaml_node *node, char *out, size_t size);

#endif
