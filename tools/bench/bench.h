/* SPDX-License-Identifier: MIT */
/*
 * bench.h: shared by the measuring program and the service that it runs: a page
 * (a file in the run's own directory), and the list of workloads.
 *
 * The program owns the page and outlives the service. Every number is written by
 * the service, save `ack`; the program reads them after `ask` said so.
 */
#ifndef TOOLS_BENCH_H
#define TOOLS_BENCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <bulkhead/bulkhead.h>

/* The service's requests to the program, in this order. The program alone may
 * look at all processes, for the service may run as another user. */
enum ask {
	ASK_NOTHING,
	ASK_BEGIN, /* note CPU time and memory */
	ASK_END,   /* note them again */
	ASK_DONE,  /* the samples are complete */
	ASK_FAILED /* `why` and `error` say what happened */
};

struct page {
	_Atomic uint32_t ask, ack; /* futexes: enum ask */
	int32_t error;
	char why[60];
	uint64_t ops;     /* operations in one iteration */
	uint64_t samples; /* how many of `sample` are filled */
	double insert_ns, cancel_ns, earlier_ns;
	uint64_t gap_us, not_stolen;
	_Atomic uint32_t through; /* a futex: spawn_many_remote_*'s last task stores 1 */
	/* Counted down or up by the tasks of the workload. */
	_Alignas(128) _Atomic uint64_t left;
	_Alignas(128) _Atomic uint64_t up;
	_Alignas(128) _Atomic uint64_t seq;
	_Alignas(128) _Atomic uint64_t woken_ns;
	_Alignas(128) bh_task waiter; /* woken when `left` is 0 */
	struct {
		_Alignas(128) _Atomic uint64_t n;
	} polled[64]; /* by each worker: timer_insert_cancel */
	double sample[];
};

struct workload {
	const char *name;
	int (*run)(void);
	uint64_t n, iters; /* defaults */
	uint64_t fiber_n;  /* default n for fibers; 0: as n */
	bool memory;       /* bytes_per_task is the result */
	bool latency;      /* samples are single latencies: percentiles */
	bool server;       /* serves until told to stop */
};

const struct workload *workload_find(const char *name);
void workload_list(void);

/* -- in the service -- */

extern struct page *page;
extern const struct bh_service bench_service;

uint64_t bench_n(void);
uint64_t bench_key(const char *key, uint64_t fallback);
bool bench_fibers(void);
uint64_t bench_random(uint64_t *seed);

/* Spawns a detached task of the kind asked for, whose argument is @arg. */
int bench_spawn(bh_poll_fn poll, bh_fiber_fn fiber, const void *arg, size_t len);

/* Makes request @what of the program and waits until it has been done. */
void bench_ask(enum ask what);

/* Counts `left` down by one; the last count wakes the waiter. */
void bench_one_done(void);
int bench_wait_left(void);

/* Runs @once to warm up, then `iters` times: samples are ns for each of @ops. @once
 * starts the tasks that count `left` down. */
int bench_measure(uint64_t ops, uint64_t left, int (*once)(void));

int run_spawn_many_local(void);
int run_spawn_many_remote_idle(void);
int run_spawn_many_remote_busy1(void);
int run_yield_many(void);
int run_ping_pong(void);
int run_chained_spawn(void);
int run_timer_insert_cancel(void);
int run_timer_churn(void);
int run_sleep_lateness(void);
int run_wake_cross_worker(void);
int run_spawn_blocking(void);
int run_mem_pending(void);
int run_mem_sleeping(void);
int run_tcp_echo(void);
int run_http_hello(void);

#endif
