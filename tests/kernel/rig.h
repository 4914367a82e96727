/* SPDX-License-Identifier: MIT */
/* rig.h: a whole system with fake_host for a service, and a view of its board. */
#ifndef BH_TESTS_KERNEL_RIG_H
#define BH_TESTS_KERNEL_RIG_H

#include <stdbool.h>
#include <sys/types.h>

#include "ipc/arena/arena.h"
#include "ipc/system/board.h"

enum {
	RIG_WORKERS = 3,
	RIG_CHILDREN = 64,
};

struct rig {
	struct bh_plan *plan; /* to be changed before rig_start() */
	int plan_fd, out, err;
	pid_t guardian;
	const struct bh_board *board;
	struct bh_view v; /* of service 0's arena, writable */
};

void rig_init(struct rig *r);

/* Starts it; with @wait, until it says that it runs. */
void rig_start(struct rig *r, bool wait);

/* Maps the board, once there is one: for who did not wait. */
void rig_board(struct rig *r);

/* Writes what a kernel would: @field is of r->board. It is sealed against any other way. */
void rig_write(struct rig *r, const void *field, const void *value, size_t n);

/* Maps the newest arena. */
void rig_view(struct rig *r);

/* The guardian's exit code (128 + signal), within 10 s; -1: it runs on. */
int rig_end(struct rig *r);

/* Ends it in any case, and checks that nothing of it is left. */
void rig_fini(struct rig *r);

/* What it wrote to stderr. */
const char *rig_said(struct rig *r);

/* Entry of the zygote (or twin) on the board. */
const struct bh_proc *rig_proc(struct rig *r, enum bh_proc_kind kind);

/* The kernel that there is now has attached to the system of a dead one. */
bool rig_attached(struct rig *r);

/* Dead, and the guardian has reaped it. */
bool rig_gone(pid_t pid);

/* The guardian's children: how many. */
int rig_children(struct rig *r, pid_t pids[static RIG_CHILDREN]);

/* Those that are not among the @n in @before: how many. */
int rig_newcomers(struct rig *r, const pid_t *before, int n, pid_t pids[static RIG_CHILDREN]);

/* How many descriptors @pid has; what they are, in @text (@size bytes). */
int rig_descriptors(pid_t pid, char *text, size_t size);

/* Polls @expr for at most 10 s. */
#define rig_until(expr)                                                               \
	do {                                                                          \
		int left_ = 5000;                                                     \
		while (!(expr) && left_-- > 0)                                        \
			usleep(2000);                                                 \
		ck_assert_msg(left_ > 0, "never: " #expr "; said: %s", rig_said(&r)); \
	} while (0)

#endif
