/* SPDX-License-Identifier: MIT */
/*
 * rig.h: a system with nothing in it but a real bulkhead-traced: the test plays the
 * kernel (it owns the board and the other end of the control socket) and forks
 * processes that play workers.
 */
#ifndef BH_TESTS_BPF_RIG_H
#define BH_TESTS_BPF_RIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ipc/system/board.h"
#include "ipc/system/control.h"
#include "ipc/system/trace_page.h"

struct rig {
	struct bh_board *board;
	int board_fd; /* read-only, as traced gets it */
	int ctl;
	pid_t traced;
	struct bh_ctl said; /* traced's last message */
	int page_fd;
	const struct bh_trace_page *page;
};

/* A worker that sleeps until it is poked, or one that never sleeps. */
struct sleeper {
	pid_t pid;
	int poke, done;
};

void rig_open(struct rig *r);             /* a board with one service, no workers */
void rig_start(struct rig *r, uid_t uid); /* traced as that user; waits for its page */
void rig_stop(struct rig *r);             /* closes the socket; traced must end with 0 */

/* Takes traced's next message and maps the page that came with it. */
void rig_receive(struct rig *r);

/* The page's entry for @pid in @slot of service 0, once it is tracked there. */
const struct bh_trace_worker *rig_tracked(struct rig *r, uint32_t slot, pid_t pid);

/* Two refreshes later: what happened before the call is in the page. */
void rig_refresh(const struct rig *r);

struct sleeper sleeper_start(int cpu);                      /* -1: any */
void sleeper_poke(const struct sleeper *s, unsigned times); /* each time asleep, and at the end */
void sleeper_rush(const struct sleeper *s, unsigned times); /* asleep or not */
pid_t spinner_start(int cpu);

/* Makes a fork of the test a worker: it has nothing of the test's, and dies with it. */
void worker_process(int cpu);

/* A process that takes a CPU for itself between begin and end; needs CAP_SYS_NICE. */
struct hog {
	pid_t pid;
	int start;
	_Atomic int *spinning;
};

struct hog hog_start(int cpu);
void hog_begin(const struct hog *h); /* returns when it has the CPU */
void hog_end(const struct hog *h);

/* Real-time @priority: before all ordinary processes. False: not permitted. */
bool set_priority(pid_t pid, int priority);

/* A number after "KEY:" in /proc/PID/status; @base 10 or 16. */
uint64_t proc_status(pid_t pid, const char *key, int base);

/* Runs `bulkhead-traced --probe`; its exit code, its line in @line. */
int rig_probe(char *line, int bytes);

int64_t now_ms(void);
void pause_ms(int ms);

/* Until @condition holds; the test fails if that takes more than ten seconds. */
#define wait_until(condition)                                                                   \
	do {                                                                                    \
		int64_t limit_ms_ = now_ms() + 10000;                                           \
		while (!(condition)) {                                                          \
			ck_assert_msg(now_ms() < limit_ms_, "never came true: %s", #condition); \
			pause_ms(1);                                                            \
		}                                                                               \
	} while (0)

#endif
