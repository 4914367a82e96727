/* SPDX-License-Identifier: MIT */
/*
 * desk.h: a kernel on the desk: its memory, a plan, a board and arenas, for tests that call its
 * functions one by one. There are no processes but those that a test makes, the clock is turned
 * by hand, and what is logged is kept. No function of the kernel is replaced but bh_log().
 */
#ifndef BH_TESTS_KERNEL_DESK_H
#define BH_TESTS_KERNEL_DESK_H

#include "kernel/base/clock.h"
#include "kernel/process/table.h"

enum {
	DESK_WORKERS = 2,
	DESK_BLOCKING = 1, /* entries that were used */
	DESK_TASKS = 16
};

struct desk {
	struct bh_kernel *k;
	struct bh_ksvc *s;         /* the first service */
	struct bh_plan plan;       /* one service, one_for_one */
	struct bh_plan_service *p; /* its first one */
	char said[64 << 10];       /* what was logged, a line each */
};
extern struct desk desk;

/* A checked fixture. */
void desk_setup(void);
void desk_teardown(void);

/* One more service, which is up. */
struct bh_ksvc *desk_add_service(void);

void desk_pass_ms(int64_t ms);

/* What was logged since the last call, or the beginning, has @words. */
bool desk_said(const char *words);
void desk_forget_said(void);

/* Worker @slot of the first service is up, as process @pid (0: of none). */
struct bh_child *desk_worker(uint32_t slot, int32_t pid);

/* Task @idx of it is in @state, held by @slot if it runs; its type is called "type7". Its
 * handle. */
uint64_t desk_task(uint32_t idx, enum bh_state state, uint32_t slot);

/* Worker @slot runs it. */
uint64_t desk_runs(uint32_t slot, uint32_t idx);

#endif
