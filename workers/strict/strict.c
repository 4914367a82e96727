/* SPDX-License-Identifier: MIT */
/*
 * strict.c: watches what strict.h lists, in a worker.
 *
 *   the pages of globals are read-only; a store faults
 *     ── on_fault(): told of, once for each place ──
 *   the pages are writable for one instruction (the processor's trap flag)
 *     ── on_step(): read-only again ──
 *
 * So a program goes on as it would, and one run tells of all. A pointer to another process's
 * memory faults, too, and its task crashes, as it would without.
 */
#include "workers/strict/strict.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "workers/crash/crash.h"
#include "workers/strict/calls.h"
#include "workers/strict/heap.h"
#include "workers/strict/tell.h"

enum {
	TRAP_FLAG = 0x100,
};

static _Thread_local uintptr_t stepping; /* over the instruction there; 0: no */
static _Thread_local int stepped;        /* the part that it stores to */

static void not_ours(int sig, siginfo_t *info, void *context)
{
	signal(sig, SIG_DFL); /* as SA_RESETHAND has it */
	bh_crash_fatal(sig, info, context);
}

#if defined(__x86_64__)
static void on_step(int sig, siginfo_t *info, void *context)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;

	if (!stepping) {
		not_ours(sig, info, context);
		return;
	}
	if ((uintptr_t)r[REG_RIP] == stepping)
		return; /* one that repeats itself */
	stepping = 0;
	r[REG_EFL] &= ~(greg_t)TRAP_FLAG;
	bh_strict_protect_part(stepped, PROT_READ);
}

static void step(ucontext_t *u)
{
	stepping = (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
	u->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

static void where(const ucontext_t *u, uintptr_t *ip, uintptr_t *sp)
{
	*ip = (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
	*sp = (uintptr_t)u->uc_mcontext.gregs[REG_RSP];
}
#else
/* Nothing steps here: the data stays writable, and the process has told of one write. */
static void step(ucontext_t *u)
{
	(void)u;
}

static void where(const ucontext_t *u, uintptr_t *ip, uintptr_t *sp)
{
	*ip = u->uc_mcontext.pc;
	*sp = u->uc_mcontext.sp;
}
#endif

/* The loader binds a call when it is first made; what is marked is each process's own. */
static bool is_right(uintptr_t address, uintptr_t ip)
{
	return bh_strict_in(&bh_strict.marked, address) || bh_strict_in(&bh_strict.loader, ip);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	uintptr_t address = (uintptr_t)info->si_addr, ip, sp;
	bool worker = getpid() == bh_rt.pid;
	int before = errno, part = bh_strict_part(address);

	where(context, &ip, &sp);
	if (worker && info->si_code > 0 && bh_strict_heap_of(address))
		bh_strict_tell_pointer(address, ip, sp, false);
	if (info->si_code != SEGV_ACCERR || part < 0 || stepping) {
		not_ours(sig, info, context);
		return;
	}
	if (!worker) {
		bh_strict_protect(PROT_READ | PROT_WRITE); /* a child of a task's */
		return;
	}
	if (!is_right(address, ip))
		bh_strict_tell_store(address, ip, sp, false);
	bh_strict_protect_part(part, PROT_READ | PROT_WRITE);
	stepped = part;
	step(context);
	errno = before;
}

void bh_strict_enter(void)
{
	struct bh_strict_shared *s = bh_strict.shared;

	if (!s)
		return;
	uint32_t heap = 1 + bh_add(&s->heaps, 1) % (BH_STRICT_HEAPS - 1);
	bh_st_rlx(&s->owner[heap].slot, bh_rt.slot);
	bh_st_rlx(&s->owner[heap].pid, bh_rt.pid);
	bh_strict_heap_enter(heap);
}

void bh_strict_begin(void)
{
	struct sigaction fault = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	if (!bh_strict.shared)
		return;
	bh_strict_locals_begin();
	sigaddset(&fault.sa_mask, SIGURG);
	sigaction(SIGSEGV, &fault, NULL);
#if defined(__x86_64__)
	fault.sa_sigaction = on_step;
	sigaction(SIGTRAP, &fault, NULL);
#endif
	bh_strict_protect(PROT_READ);
	bh_strict_calls_begin();
}
