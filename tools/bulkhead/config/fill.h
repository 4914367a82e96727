/* SPDX-License-Identifier: MIT */
/* fill.h: what a file says goes where its key belongs, and the standard where it
 * says nothing. The file has been checked. */
#ifndef BH_TOOLS_BULKHEAD_CONFIG_FILL_H
#define BH_TOOLS_BULKHEAD_CONFIG_FILL_H

#include "ipc/system/plan.h"
#include "tools/bulkhead/config/yaml_tree.h"

/* Keys of the system, of the root @node; of a service, of its own. */
void bh_config_fill_system(struct bh_plan *plan, const struct bh_yaml_node *node);
void bh_config_fill_service(struct bh_plan_service *s, const struct bh_yaml_node *node);

#endif
