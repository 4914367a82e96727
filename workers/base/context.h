/* SPDX-License-Identifier: MIT */
/*
 * context.h: switching between a fiber and the executor.
 *
 *     ┌ stack_top                      a suspended context: what its stack
 *     │ frames of the fiber            pointer points to is all there is of it
 *     │ return address
 *     │ callee-saved registers
 *     │ floating-point control words
 *     └ context.sp
 *
 * So a context is as shareable as its stack: on a stack in an arena, mapped at
 * one address in every worker, it may be suspended in one process and resumed
 * in another, provided that both are forks of one image.
 *
 * Not part of it: the signal mask, and thread-locals (errno among them).
 *
 * Who writes: the process that runs the context, by switching away from it. Who
 * resumes it must have synchronised with that (the task's state word).
 *
 * Crash: the registers are stored first, then `sp`. A context whose process died
 * while running it has a stale `sp` and must not be resumed.
 *
 * Unwinding: both functions carry CFI. A suspended context unwinds as a frame of
 * bh_context_switch() at its `sp`; the first frame of a context made here ends
 * the stack.
 */
#ifndef BH_WORKERS_BASE_CONTEXT_H
#define BH_WORKERS_BASE_CONTEXT_H

struct bh_context {
	void *sp;
};

/* Suspends the running context into @save and resumes @load. Returns when
 * something switches back to @save, perhaps in another process. */
void bh_context_switch(struct bh_context *save, const struct bh_context *load);

/*
 * Makes @c a context that, when first switched to, calls @entry(@arg) on the
 * stack that ends at @stack_top (any alignment). It starts with the caller's
 * floating-point control words. @entry must not return: it traps if it does.
 */
void bh_context_make(struct bh_context *c, void *stack_top, void (*entry)(void *), void *arg);

#endif
