/* SPDX-License-Identifier: MIT */
/* value.h: values of the JSON that bhctl prints. Handles and addresses are text in
 * hexadecimal: numbers in JSON are exact up to 2^53 only. */
#ifndef BH_TOOLS_BHCTL_SHOW_VALUE_H
#define BH_TOOLS_BHCTL_SHOW_VALUE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

void bh_value_int(struct json_object *o, const char *key, int64_t v);
void bh_value_uint(struct json_object *o, const char *key, uint64_t v);
void bh_value_hex(struct json_object *o, const char *key, uint64_t v);
void bh_value_bool(struct json_object *o, const char *key, int v);
void bh_value_text(struct json_object *o, const char *key, const char *v);
struct json_object *bh_value_object(struct json_object *o, const char *key);
struct json_object *bh_value_array(struct json_object *o, const char *key);

/* One bucket of a histogram; @below_ns 0: it has no upper end. */
void bh_value_bucket(struct json_object *o, uint64_t from_ns, uint64_t below_ns, uint64_t count);

/* A new object at the end of @array. */
struct json_object *bh_value_item(struct json_object *array);

/* Prints @o, on one line or for people, and frees it. */
void bh_value_print(struct json_object *o, bool line);

#endif
