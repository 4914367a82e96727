/* SPDX-License-Identifier: MIT */
/*
 * order.h: the only file that names a C11 memory order.
 *
 * release  earlier writes of this process are visible to a process that acquires
 *          the value written here;
 * acquire  the other half;
 * relaxed  atomic (never torn), but orders nothing. Right where one process
 *          alone writes the word, or where the value is only a hint;
 * full     bh_fence(): the store before it and the load after it are not
 *          swapped. Needed where two processes each write one word and read the
 *          other's (Dekker): see idle.h.
 *
 * Read-modify-writes (bh_cas, bh_xchg, bh_or, bh_and, bh_add) are acquire and
 * release at once: on x86-64 they are full fences anyway, on arm64 the pair is
 * what a commit needs.
 *
 * Shared memory outlives the process that was writing it: all other processes see
 * a store that has retired before a SIGKILL; a store that has not never
 * happened. So "killed after instruction n" leaves exactly the first n
 * instructions' stores, in an order the rules above allow.
 */
#ifndef BH_IPC_ORDER_H
#define BH_IPC_ORDER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics must be lock-free across processes");
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "32-bit atomics must be lock-free across processes");

#define bh_ld_rlx(p)    atomic_load_explicit((p), memory_order_relaxed)
#define bh_ld_acq(p)    atomic_load_explicit((p), memory_order_acquire)
#define bh_st_rlx(p, v) atomic_store_explicit((p), (v), memory_order_relaxed)
#define bh_st_rel(p, v) atomic_store_explicit((p), (v), memory_order_release)
#define bh_xchg(p, v)   atomic_exchange_explicit((p), (v), memory_order_acq_rel)
#define bh_or(p, v)     atomic_fetch_or_explicit((p), (v), memory_order_acq_rel)
#define bh_and(p, v)    atomic_fetch_and_explicit((p), (v), memory_order_acq_rel)
#define bh_add(p, v)    atomic_fetch_add_explicit((p), (v), memory_order_acq_rel)

/* Compare and swap; on failure *expected is what was found. */
#define bh_cas(p, expected, desired)                                                              \
	atomic_compare_exchange_strong_explicit((p), (expected), (desired), memory_order_acq_rel, \
						memory_order_acquire)

/* Only the compiler is kept from reordering: for words that the same process
 * reads in a signal handler, and for the journal, whose reader comes after this
 * process is dead (its retired stores are all visible then, in program order on
 * x86-64; on arm64 the death and reaping order them). */
#define bh_compiler_barrier() atomic_signal_fence(memory_order_seq_cst)

/* A counter that one process alone writes: no RMW, never torn. */
#define bh_count(p, n) bh_st_rlx((p), bh_ld_rlx(p) + (n))

static inline void bh_fence(void)
{
#if defined(__SANITIZE_THREAD__)
	/* TSan does not know fences; an RMW on one word orders the same. */
	static _Atomic uint32_t word;
	atomic_fetch_add_explicit(&word, 1, memory_order_seq_cst);
#elif defined(__x86_64__)
	/* Cheaper than mfence on every core measured, and as strong for
	 * ordinary memory. */
	__asm__ volatile("lock; orl $0, -8(%%rsp)" ::: "memory", "cc");
#else
	atomic_thread_fence(memory_order_seq_cst);
#endif
}

/* Orders reads: all reads before it come before all reads after it. */
static inline void bh_acquire_fence(void)
{
#if !defined(__SANITIZE_THREAD__) /* which does not know it */
	atomic_thread_fence(memory_order_acquire);
#endif
}

static inline void bh_cpu_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb" ::: "memory");
#endif
}

#endif
