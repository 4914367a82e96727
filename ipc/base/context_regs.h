/* SPDX-License-Identifier: MIT */
/*
 * context_regs.h: where a suspended context keeps its registers, for an unwinder in
 * another process: offsets from its sp, by DWARF register numbers. The layouts are
 * those of context_x86_64.S and context_aarch64.S.
 */
#ifndef BH_IPC_CONTEXT_REGS_H
#define BH_IPC_CONTEXT_REGS_H

struct bh_context_reg {
	int dwarf, at;
};

#if defined(__x86_64__)
enum {
	BH_CONTEXT_BYTES = 64, /* sp plus this: sp in the caller of bh_context_switch() */
	BH_CONTEXT_SP = 7,     /* the number of the stack pointer */
	BH_CONTEXT_PC = 56     /* where the return address lies */
};

/* rbx, rbp, r12 to r15, and the return address. */
static const struct bh_context_reg bh_context_regs[] = {
	{ 3, 40 }, { 6, 48 }, { 12, 32 }, { 13, 24 }, { 14, 16 }, { 15, 8 }, { 16, 56 },
};
#elif defined(__aarch64__)
enum {
	BH_CONTEXT_BYTES = 176,
	BH_CONTEXT_SP = 31,
	BH_CONTEXT_PC = 8
};

/* x19 to x30. */
static const struct bh_context_reg bh_context_regs[] = {
	{ 19, 16 }, { 20, 24 }, { 21, 32 }, { 22, 40 }, { 23, 48 }, { 24, 56 },
	{ 25, 64 }, { 26, 72 }, { 27, 80 }, { 28, 88 }, { 29, 0 },  { 30, 8 },
};
#else
#error "add the layout of this processor's context"
#endif

#endif
