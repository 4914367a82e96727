/* SPDX-License-Identifier: MIT */
/*
 * exception.h: a fiber that waits while it handles a C++ exception.
 *
 * A C++ library keeps for each thread which exceptions are caught and how many are under
 * way (__cxa_eh_globals of the Itanium ABI). A worker has one thread and many fibers. So
 * what it keeps is taken along by the fiber that waits, on its stack, and put back when
 * the fiber goes on: between two fibers there is nothing there.
 *
 * The exceptions themselves are the process's, made by malloc(). So the fiber is pinned
 * for the time of that wait (ipc/arena/state.h), and is lost if the process dies meanwhile.
 *
 * Where no C++ library is loaded this is one test of a pointer in each switch.
 */
#ifndef BH_WORKERS_WAIT_EXCEPTION_H
#define BH_WORKERS_WAIT_EXCEPTION_H

#include "workers/base/rt.h"

/* The beginning of what the ABI says; the rest, where there is any, is of no thread. */
struct bh_eh_globals {
	void *caught; /* exceptions, the innermost first */
	unsigned uncaught;
};

/* Finds what is kept for this thread by each C++ library that is loaded. In the zygote:
 * a fork has it at the same address. */
void bh_exceptions_find(void);

/* Suspends the running fiber, as bh_context_switch() to the executor. */
void bh_exceptions_switch(struct bh_tcb *t);

/* True if the running fiber handles an exception; not only by the first library. */
bool bh_exceptions_any(void);

/* The same, inline in each switch: most processes have no library, or one. */
static inline bool bh_exceptions_live(void)
{
	const struct bh_eh_globals *g = bh_rt.eh[0];

	return __builtin_expect(g != NULL, 0) &&
	       __builtin_expect(g->caught || g->uncaught || bh_rt.eh[1], 0) && bh_exceptions_any();
}

#endif
