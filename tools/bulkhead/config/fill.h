/* SPDX-License-Identifier: MIT */
/* fill.h: stores each value of a (checked) file where its key belongs, and the default of
 * each key that the file does not set. */
#ifndef BH_TOOLS_BULKHEAD_CONFIG_FILL_H
#define BH_TOOLS_BULKHEAD_CONFIG_FILL_H

#include "ipc/system/plan.h"
#include "tools/bulkhead/config/yaml_tree.h"

/* Keys of the system, of the root @node; of a service, of its own. */
void bh_config_fill_system(struct bh_plan *plan, const struct bh_yaml_node *node);
void bh_config_fill_service(struct bh_plan_service *s, const struct bh_yaml_node *node);

#endif
