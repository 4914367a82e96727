/* SPDX-License-Identifier: MIT */
/* task.h: a task in JSON: the same keys in `tasks` and in `dump`. */
#ifndef BH_BHCTL_TASK_H
#define BH_BHCTL_TASK_H

#include <json-c/json.h>

#include "bulkhead.pb-c.h"

void bh_task_json(struct json_object *o, const Bulkhead__Task *k);

#endif
