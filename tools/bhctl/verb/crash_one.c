/* SPDX-License-Identifier: MIT */
/*
 * crash_one.c: bhctl crashes ID: one crash, with the functions it was in.
 *
 * The addresses are as the dying worker noted them, by frame pointers; their names are
 * read from the service's zygote of today. If that began after the crash, its code may lie
 * elsewhere, and wrong names are worse than none.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/bhctl/ask.h"
#include "tools/bhctl/bhctl.h"
#include "tools/bhctl/code/symbols.h"
#include "tools/bhctl/show/json.h"
#include "tools/bhctl/show/table.h"
#include "tools/bhctl/show/value.h"

typedef unsigned long long ull;

enum {
	NAME = 256,
	WHY = 320,
};

/* When process @pid began, in ns since the epoch; INT64_MAX: it is gone. */
static int64_t began(int pid)
{
	char path[64], line[1024] = "";
	struct timespec wall, boot;
	ull ticks;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	FILE *f = fopen(path, "re");
	const char *rest = f && fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	if (f)
		fclose(f);
	if (!rest || sscanf(rest,
			    ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
			    "%*d %*d %*d %*d %llu",
			    &ticks) != 1)
		return INT64_MAX;
	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return (wall.tv_sec - boot.tv_sec) * 1000000000ll + wall.tv_nsec - boot.tv_nsec +
	       (int64_t)(ticks * (1000000000ull / (unsigned long)sysconf(_SC_CLK_TCK)));
}

/* Names for the frames of @c; NULL: none, and @why not. */
static struct bh_symbols *symbols_of(const char *url, const Bulkhead__Crash *c, uint32_t *service,
				     char why[WHY])
{
	struct bh_symbols *s;

	if (bh_symbols_open(&s, url)) {
		snprintf(why, WHY, "the system does not answer");
		return NULL;
	}
	*service = bh_symbols_service(s, c->service);
	int pid = bh_symbols_pid(s, *service);
	if (pid > 0 && began(pid) <= c->wall_ns)
		return s;
	snprintf(why, WHY,
		 "the zygote of service %s began after this crash: its code may lie elsewhere",
		 c->service);
	bh_symbols_close(s);
	return NULL;
}

/* Calls @each for the innermost frame, and each that it returns to. */
static void frames(const char *url, const Bulkhead__Crash *c, void *to,
		   void (*each)(void *to, size_t i, uint64_t address, const char *name))
{
	char name[NAME], why[WHY] = "";
	uint32_t service = 0;
	struct bh_symbols *s = c->instruction ? symbols_of(url, c, &service, why) : NULL;

	for (size_t i = 0; c->instruction && i <= c->n_frames; i++) {
		uint64_t address = i ? c->frames[i - 1] : c->instruction;

		name[0] = 0;
		if (s)
			bh_symbols_user(s, service, address - (i ? 1 : 0), true, name, NAME);
		each(to, i, address, name);
	}
	if (s && bh_symbols_missing(s, service))
		snprintf(why, WHY, "%s", bh_symbols_missing(s, service));
	if (why[0])
		fprintf(stderr, "bhctl: no names of functions: %s\n", why);
	bh_symbols_close(s);
}

static void show_frame(void *to, size_t i, uint64_t address, const char *name)
{
	(void)to;
	printf("  #%-2zu 0x%016llx %s\n", i, (ull)address, name);
}

static void show_text(const char *url, const Bulkhead__Crash *c)
{
	char time[40], death[24], back[24];

	bh_text_time(time, c->wall_ns, 0);
	bh_text_death(death, c->signal, c->exit_code);
	printf("crash %llu, %s: ", (ull)c->id, time);
	if (c->service[0])
		printf("service %s, ", c->service);
	printf("%s", c->process);
	if (c->worker >= 0)
		printf(" %d", c->worker);
	printf(" (pid %d): %s", c->pid, death);
	if (c->address || (c->instruction && (c->signal == SIGSEGV || c->signal == SIGBUS)))
		printf(" at address %#llx", (ull)c->address);
	printf("%s\n", c->stack_overflow ? ", a stack overflow" :
		       c->hung           ? ", for it did not turn" :
		       c->out_of_memory  ? ", for want of memory" :
					   "");
	if (c->task)
		printf("  task      %#llx (%s), crash %u of that type\n", (ull)c->task,
		       c->task_name, c->type_crashes);
	else
		printf("  task      none\n");
	if (c->key[0])
		printf("  key       %s\n", c->key);
	bh_text_us(back, c->restart_us);
	if (c->restart_us)
		printf("  back      after %s\n", back);
	else
		printf("  back      not yet\n");
	if (!c->instruction)
		printf("  stack     not known: it had no time to note it\n");
	frames(url, c, NULL, show_frame);
}

static void put_frame(void *to, size_t i, uint64_t address, const char *name)
{
	struct json_object *o = bh_value_item(to);

	(void)i;
	bh_value_hex(o, "address", address);
	bh_value_text(o, "function", name);
}

static void show_json(const char *url, const Bulkhead__Crash *c)
{
	struct json_object *o = json_object_new_object();

	bh_json_message(o, &c->base);
	frames(url, c, bh_value_array(o, "stack"), put_frame);
	bh_value_print(o, false);
}

static int show(const char *url, const struct bh_options *o, const Bulkhead__Crashes *all)
{
	for (size_t i = 0; i < all->n_crashes; i++) {
		if (all->crashes[i]->id != o->id)
			continue;
		(o->json ? show_json : show_text)(url, all->crashes[i]);
		return BH_EXIT_OK;
	}
	if (!all->n_crashes)
		fprintf(stderr, "bhctl: there is no crash %llu: nothing has crashed\n", (ull)o->id);
	else
		fprintf(stderr, "bhctl: there is no crash %llu: those from %llu to %llu are kept\n",
			(ull)o->id, (ull)all->crashes[0]->id,
			(ull)all->crashes[all->n_crashes - 1]->id);
	return BH_EXIT_NO;
}

int bh_crash_one(const char *url, const struct bh_options *o)
{
	struct bh_question q = { 0 };
	const struct bh_options all = { .limit = 0 };
	Bulkhead__Reply *r;

	bulkhead__request__init(&q.request);
	bh_crashes_ask(&q, &all);
	int code = bh_ask(url, &q.request, &r);
	if (code)
		return code;
	if (r->answer_case == BULKHEAD__REPLY__ANSWER_CRASHES) {
		code = show(url, o, r->crashes);
	} else {
		fprintf(stderr, "bhctl: %s\n", r->error ? r->error->text : "no answer to that");
		code = BH_EXIT_NO;
	}
	bulkhead__reply__free_unpacked(r, NULL);
	return code;
}
