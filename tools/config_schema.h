/* SPDX-License-Identifier: MIT */
/* config_schema.h: the keys of a configuration and their types, for libcyaml and
 * for bh_config_check(). */
#ifndef BH_TOOLS_CONFIG_SCHEMA_H
#define BH_TOOLS_CONFIG_SCHEMA_H

#include <cyaml/cyaml.h>

extern const cyaml_schema_value_t bh_config_schema;

#endif
