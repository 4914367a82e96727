/* SPDX-License-Identifier: MIT */
/* verb_crashes.c: bhctl crashes: what crashed, where, and how fast it was back. */
#include <stdio.h>

#include "bhctl.h"
#include "table.h"
#include "value.h"

typedef unsigned long long ull;

void bh_crashes_ask(struct bh_question *q, const struct bh_options *o)
{
	bulkhead__crashes_request__init(&q->crashes);
	q->crashes.limit = o->limit;
	q->request.verb_case = BULKHEAD__REQUEST__VERB_CRASHES;
	q->request.crashes = &q->crashes;
}

static void add_crash(struct bh_table *t, const Bulkhead__Crash *c)
{
	char time[40], death[24], back[24] = "not yet";

	bh_text_time(time, c->wall_ns, 0);
	bh_text_death(death, c->signal, c->exit_code);
	if (c->restart_us)
		bh_text_us(back, c->restart_us);
	bh_table_add(t, "%llu", (ull)c->id);
	bh_table_add(t, "%s", time);
	bh_table_add(t, "%s", c->service[0] ? c->service : "-");
	if (c->worker >= 0)
		bh_table_add(t, "worker %d", c->worker);
	else
		bh_table_add(t, "%s", c->process);
	bh_table_add(t, "%d", c->pid);
	bh_table_add(t, "%s%s", death,
		     c->stack_overflow ? " (stack)" :
		     c->hung           ? " (hung)" :
		     c->out_of_memory  ? " (memory)" :
					 "");
	if (c->instruction)
		bh_table_add(t, "0x%llx", (ull)c->address);
	else
		bh_table_add(t, "-");
	bh_table_add(t, "%s", c->task_name[0] ? c->task_name : "-");
	bh_table_add(t, "%s", c->key[0] ? c->key : "-");
	bh_table_add(t, "%s", back);
}

int bh_crashes_show(const Bulkhead__Reply *r)
{
	static const char *const heads[] = { "id",   "<time",     "<service", "<process",
					     "pid",  "<died of",  "<address", "<task",
					     "<key", "back after" };
	const Bulkhead__Crashes *all = r->crashes;
	struct bh_table t;

	if (!all->n_crashes) {
		puts("no crashes");
		return BH_EXIT_OK;
	}
	bh_table_init(&t, heads, sizeof(heads) / sizeof(heads[0]));
	for (size_t i = 0; i < all->n_crashes; i++)
		add_crash(&t, all->crashes[i]);
	bh_table_print(&t, 0);
	if (all->total > all->n_crashes)
		printf("%llu crashes since the start; these are the newest\n", (ull)all->total);
	return BH_EXIT_OK;
}

void bh_crash_put(struct json_object *o, const Bulkhead__Crash *c)
{
	struct json_object *frames;
	char text[40];

	bh_text_time(text, c->wall_ns, 1);
	bh_value_uint(o, "id", c->id);
	bh_value_text(o, "time", text);
	bh_value_text(o, "service", c->service);
	bh_value_text(o, "process", c->process);
	if (c->worker >= 0)
		bh_value_int(o, "worker", c->worker);
	else
		json_object_object_add(o, "worker", NULL);
	bh_value_int(o, "pid", c->pid);
	bh_value_int(o, "signal", c->signal);
	bh_value_int(o, "exit_code", c->exit_code);
	bh_value_hex(o, "address", c->address);
	bh_value_hex(o, "instruction", c->instruction);
	bh_value_hex(o, "stack_pointer", c->stack_pointer);
	bh_value_bool(o, "stack_overflow", c->stack_overflow);
	bh_value_bool(o, "out_of_memory", c->out_of_memory);
	bh_value_bool(o, "hung", c->hung);
	if (c->task)
		bh_value_hex(o, "task", c->task);
	else
		json_object_object_add(o, "task", NULL);
	bh_value_text(o, "task_name", c->task_name);
	bh_value_text(o, "key", c->key);
	bh_value_hex(o, "crash_key", c->crash_key);
	bh_value_uint(o, "type_crashes", c->type_crashes);
	bh_value_uint(o, "restart_us", c->restart_us);
	frames = bh_value_array(o, "frames");
	for (size_t i = 0; i < c->n_frames; i++) {
		snprintf(text, sizeof(text), "0x%llx", (ull)c->frames[i]);
		json_object_array_add(frames, json_object_new_string(text));
	}
}

int bh_crashes_json(const Bulkhead__Reply *r, struct json_object *o)
{
	struct json_object *list = bh_value_array(o, "crashes");

	for (size_t i = 0; i < r->crashes->n_crashes; i++)
		bh_crash_put(bh_value_item(list), r->crashes->crashes[i]);
	bh_value_uint(o, "total", r->crashes->total);
	return BH_EXIT_OK;
}
