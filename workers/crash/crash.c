/* SPDX-License-Identifier: MIT */
/*
 * crash.c: a worker's last words: what a fatal signal's handler writes into the
 * worker slot before the process dies of that signal.
 *
 * For the report only: the kernel learns of the death from the pidfd, and treats
 * what stands here as a claim. Async-signal-safe, on a stack of its own, once: the
 * handler is reset before it runs, so a fault inside it ends the process.
 */
#include "workers/crash/crash.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "ipc/base/monotonic.h"
#include "workers/base/rt.h"
#include "workers/crash/dump.h"
#include "workers/crash/lines.h"
#include "workers/owned/guard.h"

enum {
	ALT_STACK = 32 << 10,
	GUARD = 64 << 10, /* below it, whole pages of any size: an overflow faults */
};

static void registers(struct bh_last_words *lw, const ucontext_t *uc)
{
#if defined(__x86_64__)
	lw->ip = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];
	lw->sp = (uint64_t)uc->uc_mcontext.gregs[REG_RSP];
	lw->bp = (uint64_t)uc->uc_mcontext.gregs[REG_RBP];
#elif defined(__aarch64__)
	lw->ip = uc->uc_mcontext.pc;
	lw->sp = uc->uc_mcontext.sp;
	lw->bp = uc->uc_mcontext.regs[29];
#endif
}

/* Follows frame pointers as long as they stay on the task's stack and rise. */
static void walk(struct bh_last_words *lw, uint32_t stack)
{
	uint64_t lo, hi, bp = lw->bp;

	lw->n_frames = 0;
	if (!bh_block_at(&bh_rt.v, stack))
		return;
	lo = (uint64_t)(uintptr_t)bh_block_data(&bh_rt.v, stack);
	hi = lo + bh_class_bytes(bh_block_class(stack));
	while (lw->n_frames < 16 && bp >= lo && bp + 16 <= hi && bp % 8 == 0) {
		const uint64_t *frame = (const uint64_t *)(uintptr_t)bp;

		if (!frame[1])
			break;
		lw->frames[lw->n_frames++] = frame[1];
		if (frame[0] <= bp)
			break;
		bp = frame[0];
	}
}

static void set_down(struct bh_last_words *lw, int sig, const ucontext_t *uc)
{
	lw->time_ns = bh_monotonic_ns();
	lw->signal = sig;
	registers(lw, uc);
	walk(lw, bh_rt.task ? bh_ld_rlx(&bh_rt.task->stack) : 0);
}

/* False in whatever user code made of this process, by fork() or otherwise, and perhaps
 * with the arena: its words are not the worker's. */
static bool is_worker(void)
{
	return getpid() == bh_rt.pid;
}

/* The kernel asks where this worker is that does not turn. (SIGURG, because it does
 * nothing to a process that has not come as far as bh_crash_handlers().) */
static void on_sample(int sig, siginfo_t *info, void *context)
{
	if (!is_worker())
		return;
	struct bh_last_words *lw = &bh_rt.me->sample;

	(void)info;
	lw->address = 0;
	lw->stack_overflow = 0;
	set_down(lw, sig, context);
	bh_st_rel(&lw->valid, bh_rt.epoch + 1);
}

void bh_crash_fatal(int sig, siginfo_t *info, void *context)
{
	if (!is_worker()) {
		if (info->si_code <= 0)
			raise(sig);
		return; /* to the instruction that faulted, now with the default action */
	}
	bh_lines_end();
	struct bh_last_words *lw = &bh_rt.me->last_words;
	uint32_t stack = bh_rt.task ? bh_ld_rlx(&bh_rt.task->stack) : 0;

	bh_st_rlx(&lw->valid, 0);
	bh_compiler_barrier();
	/* Sent by kill() or raise(), there is no address. */
	lw->address = info->si_code > 0 && sig != SIGABRT ? (uint64_t)(uintptr_t)info->si_addr : 0;
	lw->stack_overflow = stack && lw->address && bh_guard_contains(stack, lw->address);
	set_down(lw, sig, context);
	bh_st_rel(&lw->valid, bh_rt.epoch + 1);
	bh_dump_crashed(lw->sp);
	/* Returning to a faulting instruction faults again, now with the default
	 * action; a signal that was sent, or one that comes after its instruction,
	 * has to be sent again. */
	if (info->si_code <= 0 || sig == SIGTRAP || sig == SIGSYS)
		raise(sig);
}

void bh_crash_handlers(void)
{
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS };
	struct sigaction sa = { .sa_sigaction = bh_crash_fatal,
				.sa_flags = SA_SIGINFO | SA_ONSTACK | (int)SA_RESETHAND };
	struct sigaction sample = { .sa_sigaction = on_sample,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };
	stack_t alt = { .ss_size = ALT_STACK };
	char *at = mmap(NULL, GUARD + ALT_STACK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	alt.ss_sp = at + GUARD;
	/* Without it crashes are survived all the same, with less to read. */
	if (at == MAP_FAILED || mprotect(alt.ss_sp, ALT_STACK, PROT_READ | PROT_WRITE) ||
	    sigaltstack(&alt, NULL))
		return;
	sigaddset(&sa.sa_mask, SIGURG); /* both use the one stack */
	for (size_t i = 0; i < sizeof(fatal) / sizeof(*fatal); i++)
		sigaction(fatal[i], &sa, NULL);
	sigaction(SIGURG, &sample, NULL);
}
