/* SPDX-License-Identifier: MIT */
/*
 * admin_rig.h: a bulkhead-admind with a test for a kernel: board, plan and arena
 * are made here, and the test holds the other end of its control socket. And a
 * client that can say anything.
 */
#ifndef BH_TESTS_ADMIN_RIG_H
#define BH_TESTS_ADMIN_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bulkhead.pb-c.h"
#include "ipc/arena/arena.h"
#include "ipc/system/board.h"
#include "ipc/system/control.h"

struct rig {
	char dir[64], path[96], log[96];
	int ctl, board_fd, plan_fd, arena_fd;
	pid_t pid;
	struct bh_board *board;
	struct bh_plan *plan;
	struct bh_view arena;
};

void rig_make(struct rig *r);

/* Starts admind, waits for its hello, and hands it the arena. */
void rig_start(struct rig *r);

/* Closes the control socket: returns the exit status, as of waitpid(). */
int rig_stop(struct rig *r);

void rig_remove(struct rig *r);

bool rig_alive(struct rig *r);
size_t rig_log_lines(const struct rig *r);

/* The next message of admind to the kernel. */
void rig_hear(struct rig *r, struct bh_ctl *m);

/* -- clients -------------------------------------------------------------------- */

int client_open(const struct rig *r);
bool client_send(int fd, const void *bytes, size_t n);
bool client_greet(int fd);

/* A frame that announces @length bytes, with @n bytes of payload. */
bool client_frame(int fd, uint64_t length, const void *payload, size_t n);

/* The reply; NULL: the connection was closed. Freed by the caller. */
Bulkhead__Reply *client_reply(int fd);

/* Greets, sends @n bytes as a request, and reads the reply. */
Bulkhead__Reply *client_ask_bytes(const struct rig *r, const void *bytes, size_t n);
Bulkhead__Reply *client_ask(const struct rig *r, const Bulkhead__Request *q);

/* Fails unless status is answered. */
void client_expect_status(const struct rig *r);

#endif
