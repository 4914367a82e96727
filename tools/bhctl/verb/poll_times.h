/* SPDX-License-Identifier: MIT */
/* poll_times.h: statistics of the times that a worker's polls took. */
#ifndef BH_TOOLS_BHCTL_VERB_POLL_TIMES_H
#define BH_TOOLS_BHCTL_VERB_POLL_TIMES_H

#include <json-c/json.h>
#include <stdint.h>

#include "bulkhead.pb-c.h"

/* In ns; 0: there were none. */
uint64_t bh_poll_times_mean(const Bulkhead__PollTimes *p);

/* The upper end of the bucket that @share of all polls fall in; of the last, its lower
 * end. 0: there were none. */
uint64_t bh_poll_times_share(const Bulkhead__PollTimes *p, double share);

/* Both, as keys beside those of the message. */
void bh_poll_times_put(struct json_object *o, const Bulkhead__PollTimes *p);

#endif
