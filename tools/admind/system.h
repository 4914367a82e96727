/* SPDX-License-Identifier: MIT */
/*
 * system.h: admind's view of the system: the board, the plan, one arena per
 * service and traced's page, all of them mapped read-only.
 *
 * The board and the plan were written by the kernel and the launcher and are
 * trusted. Arenas are written by user code: sizes and offsets come from the plan,
 * never from the arena, and a value read from an arena is a number or a text, never a
 * pointer to follow.
 */
#ifndef BH_ADMIND_SYSTEM_H
#define BH_ADMIND_SYSTEM_H

#include <sys/types.h>

#include "ipc/arena/arena.h"
#include "ipc/system/board.h"
#include "ipc/system/control.h"
#include "ipc/system/trace_rings.h"

struct bh_system {
	const struct bh_board *board;
	const struct bh_plan *plan; /* NULL: not given; then there are no arenas */
	struct bh_view arena[BH_PLAN_SERVICES];
	int arena_fd[BH_PLAN_SERVICES];    /* its file; 0: none */
	const struct bh_trace_page *trace; /* NULL: none yet */
	uid_t owner;                       /* the user that runs the system */
};

/* Maps the board on @board_fd and the plan on @plan_fd (not given: -EBADF, which
 * is no error). -EBADMSG: not a board or plan of this version. */
int bh_system_open(struct bh_system *s, int board_fd, int plan_fd);

/* Takes a message of the kernel; owns @fd (-1: none came along). */
void bh_system_message(struct bh_system *s, const struct bh_ctl *m, int fd);

uint32_t bh_system_services(const struct bh_system *s);

/* The arena of service @i; NULL: none right now. */
const struct bh_view *bh_system_arena(const struct bh_system *s, uint32_t i);

/* Bytes of memory that it takes; 0: not known. */
uint64_t bh_system_held(const struct bh_system *s, uint32_t i);

#endif
