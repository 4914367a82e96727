/* SPDX-License-Identifier: MIT */
/*
 * json.h: answers in JSON: a walk over the descriptors of bulkhead.proto. A key is its
 * field's name; json.c has a table of the exceptions.
 *
 * A message that the server left out is written as an empty one, so keys are
 * always there.
 */
#ifndef BH_TOOLS_BHCTL_SHOW_JSON_H
#define BH_TOOLS_BHCTL_SHOW_JSON_H

#include <json-c/json.h>

#include "bulkhead.pb-c.h"

/* Adds the fields of @m to @o. */
void bh_json_message(struct json_object *o, const ProtobufCMessage *m);

/* The keys of the answer in @r. */
void bh_json_answer(struct json_object *o, const Bulkhead__Reply *r);

#endif
