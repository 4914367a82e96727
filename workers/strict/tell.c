/* SPDX-License-Identifier: MIT */
/*
 * tell.c: tells of a place, once. The line is written by bulkhead-strict, which reads
 * the tables of what is loaded and this process's map while it waits: no worker loads a
 * debugger's library, least of all in a handler.
 */
#include "workers/strict/tell.h"

#include <errno.h>
#include <link.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc/base/order.h"
#include "workers/base/rt.h"
#include "workers/crash/lines.h"
#include "workers/strict/heap.h"
#include "workers/strict/watch.h"

enum {
	LOOK_UP = 4096, /* words of the stack, for the call that led out of the module */
	ABOVE = 64,     /* of them on a stack whose end is not known */
	GLOBAL = 64,    /* bytes of a library's globals that are told of once */
};

extern void *__libc_stack_end;

/* The CAS takes the cell. */
static bool is_news(uint64_t place)
{
	for (int i = 0; i < BH_STRICT_PLACES; i++) {
		uint64_t there = 0;

		if (bh_ld_rlx(&bh_strict.shared->told[i]) == place)
			return false;
		if (bh_cas(&bh_strict.shared->told[i], &there, place))
			return true;
		if (there == place)
			return false;
	}
	return false;
}

static uintptr_t end_of_stack(uintptr_t sp)
{
	uint32_t ref = bh_rt.task ? bh_ld_rlx(&bh_rt.task->stack) : 0;
	uintptr_t main_end = (uintptr_t)__libc_stack_end;

	if (bh_block_at(&bh_rt.v, ref)) {
		uintptr_t from = (uintptr_t)bh_block_data(&bh_rt.v, ref),
			  to = from + bh_class_bytes(bh_block_class(ref));

		if (sp >= from && sp < to)
			return to;
	}
	if (sp < main_end && main_end - sp < 64u << 20)
		return main_end;
	return sp + ABOVE * sizeof(sp);
}

/* The first @n objects' code that is on the stack: a call there. 0: none is. */
static uintptr_t call_in(uint32_t n, uintptr_t sp)
{
	uintptr_t end = end_of_stack(sp);

	for (int i = 0; i < LOOK_UP && sp + sizeof(sp) <= end; i++, sp += sizeof(sp))
		for (uint32_t k = 0; k < n; k++)
			if (bh_strict_in(&bh_strict.code[k], *(const uintptr_t *)sp))
				return *(const uintptr_t *)sp - 1;
	return 0;
}

/* The watched code that does it, or has called what does. */
static uintptr_t place_of(uintptr_t ip, uintptr_t sp)
{
	for (uint32_t k = 0; k < bh_strict.n_code; k++)
		if (bh_strict_in(&bh_strict.code[k], ip))
			return ip;
	uintptr_t call = call_in(bh_strict.n_code, sp);

	return call ? call : ip;
}

/* The module's call that led to a place in a library; 0: the place is the module's. */
static uintptr_t caller_of(uintptr_t place, uintptr_t sp)
{
	return bh_strict_in(&bh_strict.code[0], place) ? 0 : call_in(1, sp);
}

static void tell(const char *what, uintptr_t place, uintptr_t caller, const char *object)
{
	char path[sizeof(bh_rt.plan->libexec) + 32], who[BH_LINES_PREFIX], pid[16], at[24],
		from[24];
	char *args[] = { path, pid, (char *)(uintptr_t)what, at, from, (char *)(uintptr_t)object,
			 who,  NULL };
	pid_t child;

	snprintf(path, sizeof(path), "%s/bulkhead-strict", bh_rt.plan->libexec);
	snprintf(pid, sizeof(pid), "%d", getpid());
	snprintf(at, sizeof(at), "%#llx", (unsigned long long)place);
	snprintf(from, sizeof(from), "%#llx", (unsigned long long)caller);
	bh_lines_prefix(who);
	if (!posix_spawn(&child, path, NULL, NULL, args, environ))
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			;
}

/* Of a library once for each call of the module's, and once for each of its globals: it is
 * marked as a whole, and has many places that are nobody's concern here. */
static bool is_library_news(uintptr_t address, uintptr_t place, uintptr_t caller)
{
	return is_news(caller ? caller : place) && is_news(address & ~(uintptr_t)(GLOBAL - 1));
}

void bh_strict_tell_store(uintptr_t address, uintptr_t ip, uintptr_t sp, bool by_call)
{
	uintptr_t place = place_of(ip, sp), caller = caller_of(place, sp);
	bool library = bh_strict_part(address) >= (int)bh_strict.n_module;
	char at[24];

	if (library ? !is_library_news(address, place, caller) : !is_news(place))
		return;
	snprintf(at, sizeof(at), "%#llx", (unsigned long long)address);
	tell(library ? by_call ? "library-call" : "library" :
	     by_call ? "call" :
		       "global",
	     place, caller, at);
}

void bh_strict_tell_pointer(uintptr_t address, uintptr_t ip, uintptr_t sp, bool by_call)
{
	uint32_t heap = bh_strict_heap_of(address), slot, pid;
	uintptr_t place = place_of(ip, sp);
	char owner[64];

	if (!is_news(place))
		return;
	slot = bh_ld_rlx(&bh_strict.shared->owner[heap].slot);
	pid = (uint32_t)bh_ld_rlx(&bh_strict.shared->owner[heap].pid);
	snprintf(owner, sizeof(owner), "%s %u (pid %u)",
		 slot >= BH_MAX_WORKERS ? "blocking process" : "worker",
		 slot >= BH_MAX_WORKERS ? slot - BH_MAX_WORKERS : slot, pid);
	tell(by_call ? "pointer-call" : "pointer", place, caller_of(place, sp), owner);
}

void bh_strict_tell_locals(const char *offsets, uintptr_t poll)
{
	uintptr_t place = poll ? poll : call_in(1, (uintptr_t)__builtin_frame_address(0));

	if (place && is_news(place))
		tell("thread-local", place, 0, offsets);
}
