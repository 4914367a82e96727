/* SPDX-License-Identifier: MIT */
/* dump.c: bhctl dump: the cause of each task's wait, and the place in its code. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bhctl/bhctl.h"
#include "tools/bhctl/code/unwind.h"
#include "tools/bhctl/show/json.h"
#include "tools/bhctl/show/table.h"
#include "tools/bhctl/show/value.h"
#include "tools/bhctl/verb/socket.h"

typedef unsigned long long ull;

enum {
	LISTED = 8 /* tasks of a group, in text */
};

/* A task with its backtrace. */
struct item {
	const Bulkhead__DumpTask *task;
	struct bh_frame *frame;
	size_t frames;
	bool shown;
};

/* The dump of one service, under way. */
struct dump {
	const Bulkhead__DumpService *from;
	struct bh_unwinder *unwinder;
	struct bh_socket *socket;
	size_t sockets;
	struct item *item;
};

void bh_dump_ask(struct bh_question *q, const struct bh_options *o)
{
	bulkhead__dump_request__init(&q->dump);
	q->dump.service = (char *)(uintptr_t)o->service;
	q->dump.limit = o->limit;
	q->dump.task = o->id;
	q->request.verb_case = BULKHEAD__REQUEST__VERB_DUMP;
	q->request.dump = &q->dump;
}

/* -- backtraces --------------------------------------------------------------------- */

static void *need(void *p)
{
	if (!p) {
		fprintf(stderr, "bhctl: out of memory\n");
		exit(BH_EXIT_SYSTEM);
	}
	return p;
}

static void unwind(struct dump *d, struct item *i)
{
	struct bh_frame frame[BH_FRAMES];

	if (!d->unwinder || !i->task->stack.len)
		return;
	i->frames = bh_unwind(d->unwinder, i->task->stack_at, i->task->stack.data,
			      i->task->stack.len, frame);
	if (!i->frames)
		return;
	i->frame = need(malloc(i->frames * sizeof(*frame)));
	memcpy(i->frame, frame, i->frames * sizeof(*frame));
}

static bool has_stacks(const Bulkhead__DumpService *s)
{
	for (size_t i = 0; i < s->n_tasks; i++)
		if (s->tasks[i]->stack.len)
			return true;
	return false;
}

static void begin(struct dump *d, const Bulkhead__DumpService *from)
{
	char why[256];

	*d = (struct dump){ .from = from };
	d->item = need(calloc(from->n_tasks + 1, sizeof(*d->item)));
	d->socket = bh_sockets(from->pid, &d->sockets);
	if (has_stacks(from)) {
		d->unwinder = bh_unwinder_open(from->pid, why);
		if (!d->unwinder)
			fprintf(stderr, "bhctl: no backtraces of service %s: %s\n", from->service,
				why);
	}
	for (size_t i = 0; i < from->n_tasks; i++) {
		d->item[i].task = from->tasks[i];
		unwind(d, &d->item[i]);
	}
}

static void end(struct dump *d)
{
	for (size_t i = 0; i < d->from->n_tasks; i++)
		free(d->item[i].frame);
	free(d->item);
	free(d->socket);
	bh_unwinder_close(d->unwinder);
}

/* -- for people --------------------------------------------------------------------- */

static bool alike(const struct item *a, const struct item *b)
{
	const Bulkhead__Task *x = a->task->task, *y = b->task->task;

	if (strcmp(x->name, y->name) || strcmp(x->kind, y->kind) || strcmp(x->state, y->state) ||
	    strcmp(x->wait, y->wait) || a->frames != b->frames ||
	    strcmp(a->task->no_stack, b->task->no_stack))
		return false;
	for (size_t i = 0; i < a->frames; i++)
		if (a->frame[i].pc != b->frame[i].pc)
			return false;
	return true;
}

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void show_frames(const struct item *i)
{
	for (size_t n = 0; n < i->frames; n++) {
		const struct bh_frame *f = &i->frame[n];

		printf("    #%-2zu ", n);
		if (f->function)
			printf("%s", f->function);
		else
			printf("0x%llx", (ull)f->pc);
		if (f->file)
			printf(" at %s:%d", base(f->file), f->line);
		else if (f->module)
			printf("+0x%llx in %s", (ull)f->offset, base(f->module));
		putchar('\n');
	}
	if (i->frames && i->task->stack_cut)
		puts("    ... (a deep stack: the rest is not shown)");
	if (i->task->no_stack[0])
		printf("    no backtrace: %s\n", i->task->no_stack);
}

static void show_io(const struct dump *d, const Bulkhead__DumpIo *io)
{
	const struct bh_socket *s = bh_socket_find(d->socket, d->sockets, io->inode);

	printf(", to %s fd %d", io->direction, io->fd);
	if (s && s->local[0])
		printf(" at %s", s->local);
	if (s && s->peer[0])
		printf(" from %s", s->peer);
}

static void show_task(const struct dump *d, const struct item *i)
{
	const Bulkhead__DumpTask *t = i->task;
	char age[24], left[24];

	bh_text_us(age, (double)t->task->age_ms * 1000);
	printf("  0x%llx, age %s", (ull)t->task->task, age);
	if (t->task->worker >= 0)
		printf(", on worker %d", t->task->worker);
	else if (t->home >= 0)
		printf(", pinned to worker %d", t->home);
	for (size_t n = 0; n < t->n_io; n++)
		show_io(d, t->io[n]);
	if (t->wait_on)
		printf(", for %s 0x%llx", !strcmp(t->task->wait, "join") ? "task" : "token",
		       (ull)t->wait_on);
	if (t->timed) {
		bh_text_us(left, (double)(t->left_ms > 0 ? t->left_ms : 0) * 1000);
		printf(", %s left", left);
	}
	printf("%s\n", t->task->aborted ? ", aborted" : "");
}

/* Shows item @at and all items like it as one group. */
static void show_group(struct dump *d, size_t at)
{
	const Bulkhead__Task *k = d->item[at].task->task;
	size_t n = 0;

	for (size_t i = at; i < d->from->n_tasks; i++)
		n += alike(&d->item[at], &d->item[i]);
	printf("\n%zu × %s, %s, %s%s%s\n", n, k->name, k->kind, k->state, k->wait[0] ? " for " : "",
	       k->wait);
	size_t listed = 0;
	for (size_t i = at; i < d->from->n_tasks; i++) {
		if (!alike(&d->item[at], &d->item[i]))
			continue;
		d->item[i].shown = true;
		if (listed++ < LISTED)
			show_task(d, &d->item[i]);
	}
	if (n > LISTED)
		printf("  ... and %zu more (--json has all)\n", n - LISTED);
	show_frames(&d->item[at]);
}

int bh_dump_show(const Bulkhead__Reply *r)
{
	const Bulkhead__Dump *all = r->dump;
	uint64_t listed = 0;
	struct dump d;

	for (size_t s = 0; s < all->n_services; s++) {
		const Bulkhead__DumpService *from = all->services[s];

		printf("%sservice %s: %zu tasks\n", s ? "\n" : "", from->service, from->n_tasks);
		begin(&d, from);
		for (size_t i = 0; i < from->n_tasks; i++)
			if (!d.item[i].shown)
				show_group(&d, i);
		end(&d);
		listed += from->n_tasks;
	}
	if (all->found > listed)
		printf("\n... and %llu tasks more (--limit shows more)\n",
		       (ull)(all->found - listed));
	return BH_EXIT_OK;
}

/* -- JSON --------------------------------------------------------------------------- */

static void put_text_or_null(struct json_object *o, const char *key, const char *value)
{
	if (value && value[0])
		bh_value_text(o, key, value);
	else
		json_object_object_add(o, key, NULL);
}

static void put_frame(struct json_object *o, const struct bh_frame *f)
{
	bh_value_hex(o, "pc", f->pc);
	put_text_or_null(o, "function", f->function);
	bh_value_uint(o, "offset", f->offset);
	put_text_or_null(o, "module", f->module);
	put_text_or_null(o, "file", f->file);
	bh_value_int(o, "line", f->line);
}

/* Adds what is not in the message: the ends of the task's sockets, and its backtrace. */
static void put_item(const struct dump *d, struct json_object *o, const struct item *i)
{
	const Bulkhead__DumpTask *t = i->task;
	struct json_object *list;

	bh_json_message(o, &t->base);
	json_object_object_get_ex(o, "io", &list);
	for (size_t n = 0; n < t->n_io; n++) {
		struct json_object *io = json_object_array_get_idx(list, n);
		const struct bh_socket *s = bh_socket_find(d->socket, d->sockets, t->io[n]->inode);

		put_text_or_null(io, "local", s ? s->local : NULL);
		put_text_or_null(io, "peer", s ? s->peer : NULL);
	}
	list = bh_value_array(o, "stack");
	for (size_t n = 0; n < i->frames; n++)
		put_frame(bh_value_item(list), &i->frame[n]);
}

int bh_dump_json(const Bulkhead__Reply *r, struct json_object *o)
{
	const Bulkhead__Dump *all = r->dump;
	struct json_object *list;
	struct dump d;

	bh_value_uint(o, "found", all->found);
	list = bh_value_array(o, "tasks");
	for (size_t s = 0; s < all->n_services; s++) {
		begin(&d, all->services[s]);
		for (size_t i = 0; i < d.from->n_tasks; i++)
			put_item(&d, bh_value_item(list), &d.item[i]);
		end(&d);
	}
	return BH_EXIT_OK;
}
