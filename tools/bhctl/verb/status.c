/* SPDX-License-Identifier: MIT */
/* status.c: bhctl status: is it well? */
#include <stdio.h>
#include <string.h>

#include "tools/bhctl/bhctl.h"
#include "tools/bhctl/show/table.h"

typedef unsigned long long ull;

void bh_status_ask(struct bh_question *q, const struct bh_options *o)
{
	(void)o;
	bulkhead__status_request__init(&q->status);
	q->request.verb_case = BULKHEAD__REQUEST__VERB_STATUS;
	q->request.status = &q->status;
}

/* A count, or bytes. */
static void show_number(struct bh_table *t, const Bulkhead__Limit *l, uint64_t n)
{
	char bytes[24];

	if (!strcmp(l->name, "memory")) {
		bh_text_bytes(bytes, n);
		bh_table_add(t, "%s", bytes);
	} else {
		bh_table_add(t, "%llu", (ull)n);
	}
}

static void show_limits(const Bulkhead__Service *s)
{
	static const char *const heads[] = { "<limit", "of", "used", "most" };
	struct bh_table t;

	if (!s->n_limits)
		return;
	bh_table_init(&t, heads, sizeof(heads) / sizeof(heads[0]));
	for (size_t i = 0; i < s->n_limits; i++) {
		const Bulkhead__Limit *l = s->limits[i];

		bh_table_add(&t, "%s", l->name);
		show_number(&t, l, l->limit);
		show_number(&t, l, l->used);
		show_number(&t, l, l->most);
	}
	bh_table_print(&t, 2);
}

static void show_service(const Bulkhead__Service *s)
{
	static const char *const heads[] = { "slot",    "pid",   "<state", "restarts",
					     "crashes", "polls", "steals", "parks" };
	struct bh_table t;
	char bytes[24], held[24], age[32];

	printf("\nservice %s: %s", s->name, s->state);
	if (strcmp(s->state, "up") != 0) {
		bh_text_age(age, s->since_ms > 0 ? (uint64_t)s->since_ms / 1000 : 0);
		printf(", not up for %s", age);
	}
	for (size_t i = 0; i < s->n_listen; i++)
		printf("%s%s", i ? ", " : ", listening on ", s->listen[i]);
	putchar('\n');
	if (s->tasks)
		printf("  tasks   %llu live, %llu spawned, %llu completed, %llu crashed, %llu "
		       "canceled\n",
		       (ull)s->tasks->live, (ull)s->tasks->spawned, (ull)s->tasks->completed,
		       (ull)s->tasks->crashed, (ull)s->tasks->canceled);
	bh_text_bytes(bytes, s->memory_bytes);
	bh_text_bytes(held, s->memory_held);
	printf("  memory  %u blocks, %s; %s held; %u sockets open\n", s->memory_blocks, bytes, held,
	       s->io_open);
	if (s->descriptors) {
		const Bulkhead__Descriptors *d = s->descriptors;

		printf("  files   %u open beside the sockets, of %u descriptors", d->files,
		       d->limit);
		if (d->closed || d->refused)
			printf("; %llu closed for the dead, %llu closes refused", (ull)d->closed,
			       (ull)d->refused);
		putchar('\n');
	}
	if (s->blocking && (s->blocking->processes || s->blocking->done || s->blocking->crashes))
		printf("  blocking %u processes of %u, %u idle; %llu jobs done, %llu waiting\n",
		       s->blocking->processes, s->blocking->max, s->blocking->idle,
		       (ull)s->blocking->done, (ull)s->blocking->waiting);
	if (s->queued || s->timers)
		printf("  queues  %llu in the inject queue, %llu timers armed\n", (ull)s->queued,
		       (ull)s->timers);
	if (s->quarantined || s->refused)
		printf("  quarantine  %u in it, %llu spawns refused (`bhctl quarantine`)\n",
		       s->quarantined, (ull)s->refused);
	if (s->start_failures)
		printf("  starts  %u failed; the last one: %s\n", s->start_failures,
		       s->start_error);
	if (s->next_start_ms)
		printf("  next    start in %.1f s\n", (double)s->next_start_ms / 1000);
	if (s->main_ended)
		printf("  main    returned %lld\n", (long long)s->main_value);
	if (s->resets)
		printf("  resets  %llu; the last one: %s\n", (ull)s->resets, s->last_reset);
	bh_table_init(&t, heads, sizeof(heads) / sizeof(heads[0]));
	for (size_t i = 0; i < s->n_workers; i++) {
		const Bulkhead__Worker *w = s->workers[i];

		bh_table_add(&t, "%u", w->slot);
		bh_table_add(&t, "%d", w->pid);
		bh_table_add(&t, "%s", w->state);
		bh_table_add(&t, "%llu", (ull)w->restarts);
		bh_table_add(&t, "%llu", (ull)w->crashes);
		bh_table_add(&t, "%llu", (ull)w->polls);
		bh_table_add(&t, "%llu", (ull)w->steals);
		bh_table_add(&t, "%llu", (ull)w->parks);
	}
	bh_table_print(&t, 2);
	show_limits(s);
}

int bh_status_show(const Bulkhead__Reply *r)
{
	const Bulkhead__Status *s = r->status;
	char age[32];

	bh_text_age(age, s->uptime_ms > 0 ? (uint64_t)s->uptime_ms / 1000 : 0);
	printf("bulkhead %s, %s: pid %d, up %s\n", s->version, s->state, s->pid, age);
	printf("admin endpoint %s\n", s->admin);
	if (s->kernel)
		printf("kernel pid %d, restarted %u times\n", s->kernel->pid, s->kernel->restarts);
	for (size_t i = 0; i < s->n_services; i++)
		show_service(s->services[i]);
	return BH_EXIT_OK;
}
