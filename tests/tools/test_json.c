/* SPDX-License-Identifier: MIT */
/*
 * tools/bhctl/show/json.h: the keys that scripts rely on, in answers where each field has a
 * value of its own, and in those where each is left out. answers.json has both.
 *
 * With a new field, `test_tools_json --print` writes the file anew; whatever else changes
 * in it is a key that somebody uses.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bulkhead.pb-c.h"
#include "tests/check_run.h"
#include "tools/bhctl/show/json.h"

/* How much a message says. */
enum fill {
	LEAST, /* one entry of each list, and what means "none" */
	FULL,
};

static ProtobufCMessage *make(const ProtobufCMessageDescriptor *d, enum fill fill);

static void set(const ProtobufCFieldDescriptor *f, enum fill fill, void *at)
{
	uint64_t n = fill == FULL ? 1000 + f->id : 0;

	switch (f->type) {
	case PROTOBUF_C_TYPE_BOOL:
		*(protobuf_c_boolean *)at = fill == FULL;
		break;
	case PROTOBUF_C_TYPE_STRING:
		*(char **)at = strdup(fill == FULL ? f->name : "");
		break;
	case PROTOBUF_C_TYPE_SINT32:
		*(int32_t *)at = fill == FULL ? (int32_t)n : -1;
		break;
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_UINT32:
		*(uint32_t *)at = (uint32_t)n;
		break;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_UINT64:
		*(uint64_t *)at = n;
		break;
	case PROTOBUF_C_TYPE_MESSAGE:
		*(ProtobufCMessage **)at = make(f->descriptor, fill);
		break;
	default:
		break; /* no answer in JSON has others */
	}
}

static ProtobufCMessage *make(const ProtobufCMessageDescriptor *d, enum fill fill)
{
	ProtobufCMessage *m = calloc(1, d->sizeof_message);

	d->message_init(m);
	for (unsigned i = 0; i < d->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];
		char *at = (char *)m + f->offset;

		if (f->label == PROTOBUF_C_LABEL_REPEATED) {
			void *list = calloc(1, sizeof(uint64_t));

			set(f, fill, list);
			*(void **)at = list;
			*(size_t *)((char *)m + f->quantifier_offset) = 1;
		} else if (f->type != PROTOBUF_C_TYPE_MESSAGE || fill == FULL) {
			set(f, fill, at);
		}
	}
	return m;
}

static struct json_object *answer(const ProtobufCFieldDescriptor *f, enum fill fill)
{
	struct json_object *o = json_object_new_object();
	Bulkhead__Reply r = BULKHEAD__REPLY__INIT;
	ProtobufCMessage *m = make(f->descriptor, fill);

	r.answer_case = (Bulkhead__Reply__AnswerCase)f->id;
	*(ProtobufCMessage **)((char *)&r + f->offset) = m;
	bh_json_answer(o, &r);
	protobuf_c_message_free_unpacked(m, NULL);
	return o;
}

/* Those that bhctl writes as they are, or begins with. */
static struct json_object *answers(enum fill fill)
{
	static const char *const names[] = { "status",  "workers", "tasks",   "dump",
					     "crashes", "audit",   "resized", "quarantine" };
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		json_object_object_add(o, names[i],
				       answer(protobuf_c_message_descriptor_get_field_by_name(
						      &bulkhead__reply__descriptor, names[i]),
					      fill));
	return o;
}

static struct json_object *all(void)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "full", answers(FULL));
	json_object_object_add(o, "least", answers(LEAST));
	return o;
}

START_TEST(keys_stay)
{
	struct json_object *want = json_object_from_file(BH_ANSWERS), *got = all();

	ck_assert_ptr_nonnull(want);
	ck_assert_msg(json_object_equal(want, got), "not what " BH_ANSWERS " says: %s",
		      json_object_to_json_string(got));
	json_object_put(want);
	json_object_put(got);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *s = suite_create("tools.json");
	TCase *c = tcase_create("core");

	if (argc == 2 && !strcmp(argv[1], "--print"))
		return puts(json_object_to_json_string_ext(
			       all(), JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED)) < 0;
	tcase_add_test(c, keys_stay);
	suite_add_tcase(s, c);
	return bh_check_run(s);
}
