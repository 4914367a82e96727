/* SPDX-License-Identifier: MIT */
/* files.c: what is known of descriptors (ipc/protocol/files.h). None is really opened. */
#include "tests/sweep/sweep.h"

#include <stdlib.h>

#include "ipc/protocol/files.h"

enum {
	FD = 40, /* and the next ones */
	INO = 7,
	DEV = 3,
};

static uint64_t handle_of(struct world *w, uint32_t task)
{
	return bh_handle(bh_state_gen(bh_ld_rlx(&w->v.tasks[task].state)), task);
}

static uint64_t stamp(uint32_t slot, uint32_t count)
{
	return bh_file_stamp(slot, WORLD_EPOCH, count);
}

static void note(struct world *w, int fd, uint32_t slot, uint32_t task)
{
	bh_file_note(&w->v, fd, stamp(slot, (uint32_t)fd), task ? handle_of(w, task) : 0, INO, DEV);
}

static uint64_t by(struct world *w, int fd)
{
	return bh_ld_acq(&w->v.files[fd].by);
}

/* -- a task opens, closes, gives to a slot ------------------------------------------- */

static const char *check_gone(struct world *w)
{
	return bh_file_known(by(w, FD)) ? "a dead task's descriptor is nobody's to close" : NULL;
}

static void run_note(struct world *w)
{
	note(w, FD, VICTIM, w->me);
}
SWEEP(file_note, .run = run_note, .check = check_gone, .covers = "bh_file_note");

static void setup_noted(struct world *w)
{
	note(w, FD, VICTIM, w->me);
	w->io = world_io(w, w->me);
}

static void run_drop(struct world *w)
{
	bh_file_drop(&w->v, FD, stamp(VICTIM, FD));
	/* By now the number is another's. */
	note(w, FD, VICTIM, 0);
	bh_file_drop(&w->v, FD, stamp(VICTIM, FD + 1));
	if (by(w, FD) != stamp(VICTIM, FD))
		_Exit(3);
}
SWEEP(file_drop, .setup = setup_noted, .run = run_drop, .check = check_gone,
      .covers = "bh_file_drop");

static void run_to_io(struct world *w)
{
	bh_st_rel(&w->v.ios[w->io].fd, FD);
	bh_file_to_io(&w->v, FD, w->io);
	if (bh_file_io(&w->v, FD) != w->io)
		_Exit(3);
}
SWEEP(file_to_io, .setup = setup_noted, .run = run_to_io, .check = check_gone,
      .covers = "bh_file_to_io");

/* What a job opened elsewhere, and ended with, is taken by its parent. */
static void setup_take(struct world *w)
{
	w->other = world_task(w, BH_DONE, OTHER);
	world_adopt(w, w->me, w->other);
	note(w, FD, OTHER, w->other);
}

static void run_take(struct world *w)
{
	bool taken =
		bh_file_take(&w->v, FD, stamp(OTHER, FD), stamp(VICTIM, FD), handle_of(w, w->me));

	if (!taken || bh_file_take(&w->v, FD, stamp(OTHER, FD), stamp(VICTIM, FD), 0))
		_Exit(3);
}

/* Before the CAS it is what it was: to be closed where it was opened. */
static const char *check_take(struct world *w)
{
	return by(w, FD) == stamp(OTHER, FD) ? NULL : check_gone(w);
}
SWEEP(file_take, .setup = setup_take, .run = run_take, .check = check_take,
      .covers = "bh_file_take");

/* -- a process dies ------------------------------------------------------------------------ */

static void setup_lose(struct world *w)
{
	w->other = world_task(w, BH_WAITING, OTHER);
	note(w, FD, VICTIM, w->me);        /* the crashed task's, */
	note(w, FD + 1, OTHER, w->me);     /* also from elsewhere */
	note(w, FD + 2, VICTIM, 0);        /* the dead process's */
	note(w, FD + 3, VICTIM, w->other); /* of one who lives, opened there */
	note(w, FD + 4, OTHER, w->other);
	note(w, FD + 5, OTHER, 0);
	bh_file_note(&w->v, FD + 6, bh_file_stamp(OTHER, WORLD_EPOCH - 1, 1), 0, INO, DEV);
}

static const char *check_lose(struct world *w)
{
	static const bool lost[] = { true, true, true, false, false, false, true };

	for (int i = 0; i < 7; i++)
		if ((by(w, FD + i) == BH_FILE_LOST) != lost[i])
			return lost[i] ? "what is nobody's stays open" :
					 "what somebody has was taken";
	return NULL;
}
SWEEP(files_lose, .setup = setup_lose, .run = world_recover, .kernel = true, .check = check_lose,
      .no_intruders = true, .covers = "bh_files_lose");
