/* SPDX-License-Identifier: MIT */
/*
 * deaths.c: bhctl trace crashes -f: each death of a worker as it happens, as the
 * Linux kernel saw it.
 *
 * A death is held back until the parts of its record have come, which are events
 * like it: one more round.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bhctl/bhctl.h"
#include "tools/bhctl/code/symbols.h"
#include "tools/bhctl/code/unwind.h"
#include "tools/bhctl/show/table.h"
#include "tools/bhctl/show/value.h"
#include "tools/bhctl/trace/latency.h"
#include "tools/bhctl/trace/pieces.h"
#include "tools/bhctl/trace/recorder.h"

enum {
	KEPT = 4096, /* signals and deaths that wait for their other half */
	FRAMES = 48,
	STACK = 512,
	REGISTERS = 24,
	NAME = 256,
};

struct death {
	struct bh_event died, sent; /* sent.kind 0: no signal was seen */
	bool out_of_memory;
	uint64_t stack[FRAMES], registers[REGISTERS];
	uint32_t frames, n_registers;
	char sender[17];
};

static bool json;
static struct bh_symbols *symbols;
static struct bh_pieces pieces;
static struct bh_event kept[KEPT];
static size_t n_kept;
static struct bh_unwinder *unwinders[BH_RECORDER_SERVICES];

#if defined(__x86_64__)
static const char *const register_names[] = { "r15", "r14", "r13", "r12", "rbp",    "rbx", "r11",
					      "r10", "r9",  "r8",  "rax", "rcx",    "rdx", "rsi",
					      "rdi", NULL,  "rip", NULL,  "eflags", "rsp", NULL };
#else
static const char *const register_names[] = { "x0",  "x1",  "x2",  "x3",  "x4",  "x5",
					      "x6",  "x7",  "x8",  "x9",  "x10", "x11",
					      "x12", "x13", "x14", "x15", "x16", "x17",
					      "x18", "x19", "x20", "x21", "x22", "x23" };
#endif
#define NAMED_REGISTERS (sizeof(register_names) / sizeof(*register_names))

/* The signal it died of. Sent twice (a handler sends it again), the first says more. */
static void find_cause(struct death *d)
{
	uint32_t sig = d->died.a & 0x7f;

	for (size_t i = 0; i < n_kept; i++) {
		const struct bh_event *e = &kept[i];

		if (e->pid != d->died.pid)
			continue;
		if (e->kind == BH_EV_OOM)
			d->out_of_memory = true;
		if (e->kind == BH_EV_SIGNAL && (uint32_t)e->a == sig && !d->sent.kind)
			d->sent = *e;
	}
}

static struct bh_unwinder *unwinder_of(uint32_t service)
{
	char why[256]; /* the same that bh_symbols_missing() says */
	int pid = bh_symbols_pid(symbols, service);

	if (pid > 0 && !unwinders[service])
		unwinders[service] = bh_unwinder_open(pid, why);
	return pid > 0 ? unwinders[service] : NULL;
}

/* Unwinds by the tables as far as the copy of the stack goes; beyond it takes the frames found
 * by frame pointers, if they continue from there. */
static void unwind(struct death *d, uint64_t record)
{
	struct bh_unwinder *u = unwinder_of(d->died.service);
	uint64_t stack[STACK], walked[FRAMES];
	struct bh_frame frame[BH_FRAMES];
	uint32_t words = bh_pieces_get(&pieces, record, BH_EVM_STACK, stack, STACK), n_walked;
	size_t n = u && words ?
			   bh_unwind_crash(u, d->registers, REGISTERS, stack, words * 8, frame) :
			   0;

	if (n < 2)
		return;
	n_walked = d->frames;
	memcpy(walked, d->stack, sizeof(walked));
	d->frames = 0;
	while (d->frames < n && d->frames < FRAMES) {
		d->stack[d->frames] = frame[d->frames].pc;
		d->frames++;
	}
	for (uint32_t i = 0; i < n_walked; i++)
		if (walked[i] == frame[n - 1].pc)
			while (++i < n_walked && d->frames < FRAMES)
				d->stack[d->frames++] = walked[i];
}

static void find_record(struct death *d)
{
	const struct bh_event *from = &d->sent;
	uint64_t sender[3] = { 0 };

	if (d->sent.kind)
		bh_pieces_get(&pieces, d->sent.other, BH_EVM_SENDER, sender, 2);
	memcpy(d->sender, sender, sizeof(d->sender) - 1);
	d->frames = d->sent.kind ?
			    bh_pieces_get(&pieces, from->other, BH_EVM_USER, d->stack, FRAMES) :
			    0;
	/* Killed by another process: the stack at which the signal reached the worker. */
	if (!d->frames) {
		from = &d->died;
		d->frames = bh_pieces_get(&pieces, from->other, BH_EVM_USER, d->stack, FRAMES);
	}
	d->n_registers =
		bh_pieces_get(&pieces, from->other, BH_EVM_REGISTERS, d->registers, REGISTERS);
	unwind(d, from->other);
}

/* A return address is that of the next instruction: the call is before it. */
static void frame_text(const struct death *d, uint32_t i, char text[NAME])
{
	bh_symbols_user(symbols, d->died.service, d->stack[i] - (i ? 1 : 0), true, text, NAME);
}

static void show_text(const struct bh_recorder *r, const struct death *d)
{
	char name[NAME], cpu[24];

	bh_text_death(name, (int)(d->died.a & 0x7f), (int)(d->died.a >> 8 & 0xff));
	printf("%14.6f service %s, worker ", (double)((int64_t)d->died.time_ns - r->began_ns) / 1e9,
	       bh_recorder_service(r, &d->died));
	if (d->died.slot == UINT16_MAX)
		printf("unknown");
	else
		printf("%u", d->died.slot);
	printf(" (pid %u): %s", d->died.pid, name);
	if (d->sent.kind && d->sent.a >> 32 && (int32_t)(d->sent.a >> 32) > 0 &&
	    (int32_t)(d->sent.a >> 32) != SI_KERNEL)
		printf(" at address %#" PRIx64, d->sent.b);
	if (d->died.task == BH_EVENT_NO_TASK)
		printf("\n  task      unknown");
	else if (d->died.task)
		printf("\n  task      %#" PRIx64 " (%s)", d->died.task,
		       bh_recorder_type(r, &d->died));
	else
		printf("\n  task      none");
	if (d->out_of_memory)
		printf("\n  sent by   the kernel: out of memory");
	else if (d->sent.kind && d->sent.other_pid == d->died.pid)
		printf("\n  sent by   itself");
	else if (d->sent.kind)
		printf("\n  sent by   process %u (%s)", d->sent.other_pid, d->sender);
	bh_text_us(cpu, (double)d->died.b / 1e3);
	printf("\n  had run   %s on a CPU\n", cpu);
	for (uint32_t i = 0, same; i < d->frames; i += same) {
		for (same = 1; i + same < d->frames && d->stack[i + same] == d->stack[i]; same++)
			;
		frame_text(d, i, name);
		printf("  #%-2u 0x%016" PRIx64 " %s%s\n", i, d->stack[i], name,
		       same > 1 ? " (again and again)" : "");
	}
	for (uint32_t i = 0, n = 0; i < d->n_registers && i < NAMED_REGISTERS; i++)
		if (register_names[i])
			printf("  %-6s 0x%016" PRIx64 "%s", register_names[i], d->registers[i],
			       ++n % 3 ? "" : "\n");
	putchar('\n');
	if (d->frames && bh_symbols_missing(symbols, d->died.service))
		printf("  no names: %s\n", bh_symbols_missing(symbols, d->died.service));
}

static void show_json(const struct bh_recorder *r, const struct death *d)
{
	struct json_object *o = json_object_new_object(), *list;
	char text[NAME];

	bh_value_uint(o, "time_ns", d->died.time_ns);
	bh_value_text(o, "service", bh_recorder_service(r, &d->died));
	bh_value_uint(o, "worker", d->died.slot);
	bh_value_uint(o, "pid", d->died.pid);
	bh_value_uint(o, "signal", d->died.a & 0x7f);
	bh_value_uint(o, "exit_code", d->died.a >> 8 & 0xff);
	bh_value_hex(o, "address", d->sent.b);
	bh_value_hex(o, "task", d->died.task);
	bh_value_text(o, "task_name",
		      d->died.type == BH_EVENT_NO_TYPE ? "" : bh_recorder_type(r, &d->died));
	bh_value_bool(o, "out_of_memory", d->out_of_memory);
	bh_value_uint(o, "sender_pid", d->sent.other_pid);
	bh_value_text(o, "sender", d->sender);
	bh_value_uint(o, "cpu_ns", d->died.b);
	list = bh_value_array(o, "frames");
	for (uint32_t i = 0; i < d->frames; i++) {
		struct json_object *f = bh_value_item(list);

		frame_text(d, i, text);
		bh_value_hex(f, "address", d->stack[i]);
		bh_value_text(f, "function", text);
	}
	list = bh_value_object(o, "registers");
	for (uint32_t i = 0; i < d->n_registers && i < NAMED_REGISTERS; i++)
		if (register_names[i])
			bh_value_hex(list, register_names[i], d->registers[i]);
	bh_value_print(o, true);
}

static void show(const struct bh_recorder *r, const struct bh_event *died)
{
	struct death d = { .died = *died };

	find_cause(&d);
	find_record(&d);
	(json ? show_json : show_text)(r, &d);
}

/* Shows the deaths of the round before: all parts of their records have come. */
static void show_kept(const struct bh_recorder *r)
{
	size_t stay = 0;

	for (size_t i = 0; i < n_kept; i++)
		if (kept[i].kind == BH_EV_DIED && kept[i].a)
			show(r, &kept[i]);
	/* A worker that still lives may survive its signal, or die of it later: keep the signal. */
	for (size_t i = 0; i < n_kept; i++) {
		bool over = kept[i].kind == BH_EV_DIED;

		for (size_t k = i + 1; k < n_kept && !over; k++)
			over = kept[k].kind == BH_EV_DIED && kept[k].pid == kept[i].pid;
		if (!over)
			kept[stay++] = kept[i];
	}
	n_kept = stay < KEPT / 2 ? stay : 0;
	if (!n_kept)
		pieces.n = 0;
}

static int each(struct bh_recorder *r)
{
	show_kept(r);
	bh_pieces_add(&pieces, r->events, r->ready);
	for (size_t i = 0; i < r->ready && n_kept < KEPT; i++) {
		unsigned kind = r->events[i].kind;

		if (kind == BH_EV_SIGNAL || kind == BH_EV_DIED || kind == BH_EV_OOM)
			kept[n_kept++] = r->events[i];
	}
	bh_recorder_drop(r, r->ready);
	return fflush(stdout) || ferror(stdout) ? BH_EXIT_SYSTEM : 0;
}

int bh_deaths(const char *url, const struct bh_options *o)
{
	struct bh_recorder r;
	int code = bh_linux_view(url, "what Linux sees of a crash is not here (`bhctl crashes` has "
				      "what the system knows by itself)");

	if (code)
		return code;
	code = bh_recorder_begin(&r, url, false);
	json = o->json;
	if (!code)
		code = bh_symbols_open(&symbols, url);
	if (!code)
		fprintf(stderr, "bhctl: waiting for crashes; those before now: `bhctl crashes'\n");
	if (!code)
		code = bh_recorder_run(&r, o->seconds, each, false);
	if (!code)
		show_kept(&r);
	if (!code && r.lost)
		fprintf(stderr, "bhctl: %" PRIu64 " events lost\n", r.lost);
	for (int i = 0; i < BH_RECORDER_SERVICES; i++)
		bh_unwinder_close(unwinders[i]);
	bh_symbols_close(symbols);
	bh_pieces_fini(&pieces);
	bh_recorder_fini(&r);
	return code;
}
