/* SPDX-License-Identifier: MIT */
#include "tools/bhctl/show/value.h"

#include <stdio.h>

void bh_value_int(struct json_object *o, const char *key, int64_t v)
{
	json_object_object_add(o, key, json_object_new_int64(v));
}

void bh_value_uint(struct json_object *o, const char *key, uint64_t v)
{
	json_object_object_add(o, key, json_object_new_uint64(v));
}

void bh_value_hex(struct json_object *o, const char *key, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)v);
	bh_value_text(o, key, text);
}

void bh_value_bool(struct json_object *o, const char *key, int v)
{
	json_object_object_add(o, key, json_object_new_boolean(v));
}

void bh_value_text(struct json_object *o, const char *key, const char *v)
{
	json_object_object_add(o, key, json_object_new_string(v));
}

struct json_object *bh_value_object(struct json_object *o, const char *key)
{
	struct json_object *v = json_object_new_object();

	json_object_object_add(o, key, v);
	return v;
}

struct json_object *bh_value_array(struct json_object *o, const char *key)
{
	struct json_object *v = json_object_new_array();

	json_object_object_add(o, key, v);
	return v;
}

struct json_object *bh_value_item(struct json_object *array)
{
	struct json_object *v = json_object_new_object();

	json_object_array_add(array, v);
	return v;
}

void bh_value_bucket(struct json_object *o, uint64_t from_ns, uint64_t below_ns, uint64_t count)
{
	bh_value_uint(o, "from_ns", from_ns);
	if (below_ns)
		bh_value_uint(o, "below_ns", below_ns);
	else
		json_object_object_add(o, "below_ns", NULL);
	bh_value_uint(o, "count", count);
}

void bh_value_print(struct json_object *o, bool line)
{
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE |
						       (line ? JSON_C_TO_STRING_PLAIN :
							       JSON_C_TO_STRING_PRETTY |
									JSON_C_TO_STRING_SPACED)));
	json_object_put(o);
}
