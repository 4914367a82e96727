/* SPDX-License-Identifier: MIT */
/* worker.h: a worker in JSON: the same keys in `status` and in `workers`. */
#ifndef BH_BHCTL_WORKER_H
#define BH_BHCTL_WORKER_H

#include <json-c/json.h>

#include "bulkhead.pb-c.h"

void bh_worker_json(struct json_object *o, const Bulkhead__Worker *w);

#endif
