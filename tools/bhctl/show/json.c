/* SPDX-License-Identifier: MIT */
#include "tools/bhctl/show/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bhctl/show/table.h"
#include "tools/bhctl/show/value.h"
#include "tools/bhctl/verb/poll_times.h"

/* How a field is written. */
enum how {
	HEX = 1,
	OR_NULL = 2, /* null: 0, less than 0, "" */
	SECONDS = 4, /* of milliseconds */
	TIME = 8,    /* of nanoseconds since the epoch */
	MAP = 16,    /* two fields of a message: a key, and its value */
	FLAT = 32,   /* a message's keys go into the object of the enclosing message */
	OMIT = 64,
};

/* Fields whose JSON is not just the field's name and value. */
static const struct as {
	const ProtobufCMessageDescriptor *of; /* NULL: of any message */
	const char *field;
	int how;
	const char *key;  /* NULL: the field's name; "a.b": b in an object a */
	const char *when; /* a bool of the same message: false means null */
} as[] = {
	{ &bulkhead__dump_task__descriptor, "task", FLAT, NULL, NULL },
	{ &bulkhead__dump_task__descriptor, "left_ms", 0, NULL, "timed" },
	{ &bulkhead__dump_task__descriptor, "timed", OMIT, NULL, NULL },
	{ &bulkhead__dump_task__descriptor, "stack_at", OMIT, NULL, NULL },
	{ &bulkhead__dump_task__descriptor, "stack", OMIT, NULL, NULL }, /* in dump.c */
	{ &bulkhead__dump_io__descriptor, "inode", OMIT, NULL, NULL },   /* likewise */
	{ &bulkhead__service__descriptor, "io_open", 0, "io.open", NULL },
	{ &bulkhead__service__descriptor, "memory_blocks", 0, "memory.blocks", NULL },
	{ &bulkhead__service__descriptor, "memory_bytes", 0, "memory.bytes", NULL },
	{ &bulkhead__service__descriptor, "memory_held", 0, "memory.held", NULL },
	{ &bulkhead__service__descriptor, "quarantined", 0, "quarantine.entries", NULL },
	{ &bulkhead__service__descriptor, "refused", 0, "quarantine.refused", NULL },
	{ &bulkhead__service__descriptor, "start_failures", 0, "start.failures", NULL },
	{ &bulkhead__service__descriptor, "start_error", 0, "start.error", NULL },
	{ &bulkhead__service__descriptor, "next_start_ms", 0, "start.next_ms", NULL },
	{ &bulkhead__service__descriptor, "main_value", 0, NULL, "main_ended" },
	{ &bulkhead__service__descriptor, "main_ended", OMIT, NULL, NULL },
	{ &bulkhead__service__descriptor, "zygote_pid", 0, "zygote.pid", NULL },
	{ &bulkhead__service__descriptor, "zygote_restarts", 0, "zygote.restarts", NULL },
	{ &bulkhead__service_audit__descriptor, "tasks", MAP, NULL, NULL },
	{ NULL, "address", HEX, NULL, NULL },
	{ NULL, "below_ns", OR_NULL, NULL, NULL },
	{ NULL, "crash_key", HEX, NULL, NULL },
	{ NULL, "frames", HEX, NULL, NULL },
	{ NULL, "home", OR_NULL, NULL, NULL },
	{ NULL, "instruction", HEX, NULL, NULL },
	{ NULL, "no_stack", OR_NULL, NULL, NULL },
	{ NULL, "parent", HEX | OR_NULL, NULL, NULL },
	{ NULL, "stack_pointer", HEX, NULL, NULL },
	{ NULL, "task", HEX | OR_NULL, NULL, NULL },
	{ NULL, "uptime_ms", SECONDS, "uptime_s", NULL },
	{ NULL, "wait_on", HEX | OR_NULL, NULL, NULL },
	{ NULL, "wall_ns", TIME, "time", NULL },
	{ NULL, "worker", OR_NULL, NULL, NULL },
};

static const struct as *as_what(const ProtobufCMessageDescriptor *of, const char *field)
{
	static const struct as plain;

	for (size_t i = 0; i < sizeof(as) / sizeof(*as); i++)
		if ((!as[i].of || as[i].of == of) && !strcmp(as[i].field, field))
			return &as[i];
	return &plain;
}

static void put(struct json_object *o, const char *key, struct json_object *value)
{
	const char *dot = strchr(key, '.');
	struct json_object *in;
	char outer[32];

	if (dot) {
		snprintf(outer, sizeof(outer), "%.*s", (int)(dot - key), key);
		if (!json_object_object_get_ex(o, outer, &in))
			in = bh_value_object(o, outer);
		o = in;
		key = dot + 1;
	}
	json_object_object_add(o, key, value);
}

static struct json_object *signed_value(int64_t v, int how)
{
	char text[40];

	if (how & OR_NULL && v < 0)
		return NULL;
	if (how & TIME) {
		bh_text_time(text, v, 1);
		return json_object_new_string(text);
	}
	return json_object_new_int64(how & SECONDS ? v / 1000 : v);
}

static struct json_object *unsigned_value(uint64_t v, int how)
{
	char text[24];

	if (how & OR_NULL && !v)
		return NULL;
	if (how & HEX) {
		snprintf(text, sizeof(text), "0x%llx", (unsigned long long)v);
		return json_object_new_string(text);
	}
	return json_object_new_uint64(v);
}

/* The value at @at, an element of a list or a single field. All kinds of fields that answers
 * have are here. */
static struct json_object *value(const ProtobufCFieldDescriptor *f, int how, const void *at)
{
	struct json_object *o;
	const char *text;

	switch (f->type) {
	case PROTOBUF_C_TYPE_BOOL:
		return json_object_new_boolean(*(const protobuf_c_boolean *)at);
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
		return signed_value(*(const int32_t *)at, how);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
		return signed_value(*(const int64_t *)at, how);
	case PROTOBUF_C_TYPE_UINT32:
		return unsigned_value(*(const uint32_t *)at, how);
	case PROTOBUF_C_TYPE_UINT64:
		return unsigned_value(*(const uint64_t *)at, how);
	case PROTOBUF_C_TYPE_STRING:
		text = *(const char *const *)at;
		return how & OR_NULL && !text[0] ? NULL : json_object_new_string(text);
	case PROTOBUF_C_TYPE_MESSAGE:
		o = json_object_new_object();
		bh_json_message(o, *(const ProtobufCMessage *const *)at);
		return o;
	default:
		abort();
	}
}

static size_t size_of(const ProtobufCFieldDescriptor *f)
{
	return f->type == PROTOBUF_C_TYPE_UINT32 ? sizeof(uint32_t) : sizeof(uint64_t);
}

static struct json_object *list(const ProtobufCFieldDescriptor *f, int how, const char *at,
				size_t n)
{
	struct json_object *o = json_object_new_array();

	for (size_t i = 0; i < n; i++)
		json_object_array_add(o, value(f, how, at + i * size_of(f)));
	return o;
}

static struct json_object *map(const ProtobufCFieldDescriptor *f, ProtobufCMessage *const *m,
			       size_t n)
{
	const ProtobufCMessageDescriptor *d = f->descriptor;
	const ProtobufCFieldDescriptor *key = &d->fields[0], *val = &d->fields[1];
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < n; i++)
		json_object_object_add(o, *(char *const *)((const char *)m[i] + key->offset),
				       value(val, 0, (const char *)m[i] + val->offset));
	return o;
}

/* A missing message is written as an empty one. */
static void message_or_none(struct json_object *o, const ProtobufCMessageDescriptor *d,
			    const ProtobufCMessage *m)
{
	ProtobufCMessage *none = m ? NULL : malloc(d->sizeof_message);

	if (none) {
		d->message_init(none);
		m = none;
	}
	if (m)
		bh_json_message(o, m);
	free(none);
}

static bool is_set(const ProtobufCMessage *m, const char *flag)
{
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field_by_name(m->descriptor, flag);

	return *(const protobuf_c_boolean *)((const char *)m + f->offset);
}

static void put_field(struct json_object *o, const ProtobufCMessage *m,
		      const ProtobufCFieldDescriptor *f)
{
	const struct as *a = as_what(m->descriptor, f->name);
	const char *at = (const char *)m + f->offset, *key = a->key ? a->key : f->name;

	if (a->how & OMIT) {
		return;
	} else if (a->when && !is_set(m, a->when)) {
		put(o, key, NULL);
	} else if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		size_t n = *(const size_t *)((const char *)m + f->quantifier_offset);
		void *const *all = (void *const *)at;

		put(o, key, a->how & MAP ? map(f, *all, n) : list(f, a->how, *all, n));
	} else if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
		message_or_none(a->how & FLAT ? o : bh_value_object(o, key), f->descriptor,
				*(ProtobufCMessage *const *)at);
	} else {
		put(o, key, value(f, a->how, at));
	}
}

void bh_json_message(struct json_object *o, const ProtobufCMessage *m)
{
	for (unsigned i = 0; i < m->descriptor->n_fields; i++)
		put_field(o, m, &m->descriptor->fields[i]);
	if (m->descriptor == &bulkhead__poll_times__descriptor)
		bh_poll_times_put(o, (const Bulkhead__PollTimes *)m);
}

void bh_json_answer(struct json_object *o, const Bulkhead__Reply *r)
{
	const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field(
		&bulkhead__reply__descriptor, r->answer_case);

	bh_json_message(o, *(ProtobufCMessage *const *)((const char *)r + f->offset));
}
