/* SPDX-License-Identifier: MIT */
#include "tools/bhctl/code/unwind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/base/context_regs.h"
#include "tools/bhctl/code/code.h"

/* To libdw the service is a process with one thread: the fiber that is looked at. */
enum {
	THREAD = 1
};

struct reg {
	int dwarf;
	Dwarf_Word value;
};

enum {
	REGS = 32
};

struct bh_unwinder {
	Dwfl *dwfl;
	uint64_t at; /* the stack */
	const unsigned char *bytes;
	size_t n;
	struct reg reg[REGS];
	size_t regs;
	Dwarf_Word pc, sp;
	bool called; /* pc is a return address */
	struct bh_frame *out;
	size_t frames;
};

static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread)
{
	(void)dwfl;
	if (*thread)
		return 0;
	*thread = arg;
	return THREAD;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *arg, void **thread)
{
	(void)dwfl, (void)tid;
	*thread = arg;
	return true;
}

static bool read_word(const struct bh_unwinder *u, uint64_t address, uint64_t *out)
{
	uint64_t off = address - u->at;

	if (off >= u->n || u->n - off < sizeof(*out))
		return false;
	memcpy(out, u->bytes + off, sizeof(*out));
	return true;
}

static bool read_memory(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *out, void *arg)
{
	uint64_t word;

	(void)dwfl;
	if (!read_word(arg, address, &word))
		return false;
	*out = word;
	return true;
}

static bool set_registers(Dwfl_Thread *thread, void *arg)
{
	const struct bh_unwinder *u = arg;

	for (size_t i = 0; i < u->regs; i++)
		if (!dwfl_thread_state_registers(thread, u->reg[i].dwarf, 1, &u->reg[i].value))
			return false;
	if (!dwfl_thread_state_registers(thread, BH_CONTEXT_SP, 1, &u->sp))
		return false;
	dwfl_thread_state_register_pc(thread, u->pc);
	return true;
}

struct bh_unwinder *bh_unwinder_open(int pid, char why[BH_CODE_WHY])
{
	static const Dwfl_Thread_Callbacks thread = { .next_thread = next_thread,
						      .get_thread = get_thread,
						      .memory_read = read_memory,
						      .set_initial_registers = set_registers };
	struct bh_unwinder *u = calloc(1, sizeof(*u));

	if (!u) {
		snprintf(why, BH_CODE_WHY, "out of memory");
		return NULL;
	}
	u->dwfl = bh_code_open(pid, why);
	if (u->dwfl && dwfl_attach_state(u->dwfl, NULL, pid, &thread, u))
		return u;
	if (u->dwfl)
		snprintf(why, BH_CODE_WHY, "the stacks of process %d cannot be walked: %s", pid,
			 dwfl_errmsg(-1));
	bh_unwinder_close(u);
	return NULL;
}

void bh_unwinder_close(struct bh_unwinder *u)
{
	if (!u)
		return;
	if (u->dwfl)
		dwfl_end(u->dwfl);
	free(u);
}

/* If it returns to the frame, the call is before that address. */
static void name_frame(struct bh_unwinder *u, struct bh_frame *f, uint64_t call)
{
	Dwfl_Module *m = dwfl_addrmodule(u->dwfl, call);
	GElf_Sym sym;
	GElf_Off offset = 0;
	const char *main_file = NULL;

	if (!m)
		return;
	f->function = dwfl_module_addrinfo(m, call, &offset, &sym, NULL, NULL, NULL);
	f->offset = f->function ? offset + (f->pc - call) : 0;
	f->module = dwfl_module_info(m, NULL, NULL, NULL, NULL, NULL, &main_file, NULL);
	f->module = main_file ? main_file : f->module;
	Dwfl_Line *line = dwfl_module_getsrc(m, call);
	f->file = line ? dwfl_lineinfo(line, NULL, &f->line, NULL, NULL, NULL) : NULL;
}

static int take_frame(Dwfl_Frame *frame, void *arg)
{
	struct bh_unwinder *u = arg;
	struct bh_frame *f = &u->out[u->frames];
	Dwarf_Addr pc;

	if (u->frames == BH_FRAMES || !dwfl_frame_pc(frame, &pc, NULL) || !pc)
		return DWARF_CB_ABORT;
	*f = (struct bh_frame){ .pc = pc };
	name_frame(u, f, pc - (u->frames || u->called));
	u->frames++;
	return DWARF_CB_OK;
}

/* An error is the end of the stack, too: there is nothing beyond the copy. */
static size_t walk(struct bh_unwinder *u, struct bh_frame out[BH_FRAMES])
{
	u->out = out;
	u->frames = 0;
	dwfl_getthread_frames(u->dwfl, THREAD, take_frame, u);
	return u->frames;
}

static void begin(struct bh_unwinder *u, uint64_t at, const void *bytes, size_t n)
{
	u->at = at;
	u->bytes = bytes;
	u->n = n;
	u->regs = 0;
}

/* The registers are as they will be when bh_context_switch() returns. */
size_t bh_unwind(struct bh_unwinder *u, uint64_t at, const void *bytes, size_t n,
		 struct bh_frame out[BH_FRAMES])
{
	begin(u, at, bytes, n);
	for (size_t i = 0; i < sizeof(bh_context_regs) / sizeof(bh_context_regs[0]); i++) {
		struct reg *r = &u->reg[u->regs++];

		r->dwarf = bh_context_regs[i].dwarf;
		if (!read_word(u, at + (uint64_t)bh_context_regs[i].at, &r->value))
			return 0;
	}
	if (!read_word(u, at + BH_CONTEXT_PC, &u->pc))
		return 0;
	u->sp = at + BH_CONTEXT_BYTES;
	u->called = true;
	return walk(u, out);
}

size_t bh_unwind_crash(struct bh_unwinder *u, const uint64_t *regs, size_t n_regs,
		       const void *bytes, size_t n, struct bh_frame out[BH_FRAMES])
{
#if defined(__x86_64__)
	/* struct pt_regs: r15 first, then as below; by DWARF's numbers, -1: none of its. */
	static const int numbers[] = { 15, 14, 13, 12, 6, 3,  11, 10, 9,  8,
				       0,  2,  1,  4,  5, -1, 16, -1, -1, 7 };
	enum {
		PC = 16,
		SP = 19
	};

	if (n_regs <= SP)
		return 0;
	begin(u, regs[SP], bytes, n);
	for (size_t i = 0; i < SP; i++)
		if (numbers[i] >= 0)
			u->reg[u->regs++] = (struct reg){ numbers[i], regs[i] };
	u->pc = regs[PC];
	u->sp = regs[SP];
	u->called = false;
	return walk(u, out);
#else
	(void)u, (void)regs, (void)n_regs, (void)bytes, (void)n, (void)out;
	return 0;
#endif
}
