/* SPDX-License-Identifier: MIT */
/*
 * heir.c: one worker after the other in a slot (ipc/arena/incarnation.h). Whatever instruction
 * the kernel or the heir is killed after, the slot's word says one of two things, and the
 * slot can be had by whoever is made for the next epoch, and by nobody else.
 */
#include "tests/sweep/sweep.h"

#include <unistd.h>

#include "ipc/arena/incarnation.h"

enum {
	NEXT = WORLD_EPOCH + 1,
	BEYOND = NEXT + 1,
};

static _Atomic uint64_t *slot_of(struct world *w)
{
	return &w->v.workers[w->victim].word;
}

static bool says(uint64_t word, uint32_t state, uint32_t epoch)
{
	return (uint32_t)word == (uint32_t)bh_slot_word(state, epoch, 0);
}

/* After recovery: the next epoch starts, those made for the one before go. */
static const char *check_next(struct world *w)
{
	_Atomic uint64_t *slot = slot_of(w);
	uint32_t last = bh_slot_epoch(bh_ld_acq(slot)), next = bh_epoch_next(last);

	bh_incarnation_start(slot, next);
	if (bh_incarnation_take(slot, last))
		return "who was made for an epoch that is over took the slot";
	if (!says(bh_ld_acq(slot), BH_SLOT_STARTING, next))
		return "who was refused changed the slot's word";
	if (!bh_incarnation_take(slot, next))
		return "who was made for the epoch did not get the slot";
	if (bh_ld_acq(slot) != bh_slot_word(BH_SLOT_UP, next, (uint32_t)getpid()))
		return "the slot's word does not say who has it";
	return bh_incarnation_take(slot, next) ? "the slot was had twice" : NULL;
}

/* -- the kernel starts an epoch -------------------------------------------------------- */

static void setup_dead(struct world *w)
{
	world_recover(w);
}

static void run_start(struct world *w)
{
	bh_incarnation_start(slot_of(w), NEXT);
}

static const char *check_start(struct world *w)
{
	if (!says(w->found, BH_SLOT_DEAD, WORLD_EPOCH) && !says(w->found, BH_SLOT_STARTING, NEXT))
		return "an epoch is neither over nor begun";
	if (says(w->found, BH_SLOT_STARTING, NEXT) && w->found >> 32)
		return "an epoch begins with a process";
	return check_next(w);
}
SWEEP(heir_start, .setup = setup_dead, .run = run_start, .kernel = true, .check = check_start,
      .covers = "bh_incarnation_start");

/* The same of an epoch for which nobody has been made yet, as after a kernel's death. */
static void run_next(struct world *w)
{
	int32_t pid;

	if (!bh_incarnation_next(slot_of(w), WORLD_EPOCH, NEXT, &pid))
		_exit(3);
}
SWEEP(heir_next, .setup = setup_dead, .run = run_next, .kernel = true, .check = check_start,
      .covers = "bh_incarnation_next");

/* Unless the process of the epoch before has come after all. */
static void run_next_late(struct world *w)
{
	int32_t pid = 0;

	if (bh_incarnation_next(slot_of(w), WORLD_EPOCH, NEXT, &pid) || !pid)
		_exit(3);
}

static const char *check_untouched(struct world *w)
{
	return says(w->found, BH_SLOT_UP, WORLD_EPOCH) ?
		       check_next(w) :
		       "the slot of a process that is up was taken";
}
SWEEP(heir_next_late, .run = run_next_late, .kernel = true, .check = check_untouched, .covers = "");

/* -- the kernel ends an epoch ---------------------------------------------------------- */

static void run_end(struct world *w)
{
	bh_incarnation_end(slot_of(w), WORLD_EPOCH, bh_slot_pid(bh_ld_acq(slot_of(w))));
}

static const char *check_end(struct world *w)
{
	if (!says(w->found, BH_SLOT_DEAD, WORLD_EPOCH) && !says(w->found, BH_SLOT_UP, WORLD_EPOCH))
		return "an epoch has neither ended nor goes on";
	if (!bh_slot_pid(w->found))
		return "its process is forgotten";
	return check_next(w);
}
SWEEP(heir_end, .run = run_end, .kernel = true, .check = check_end, .covers = "bh_incarnation_end");

static void run_disown(struct world *w)
{
	if (!bh_incarnation_disown(slot_of(w), bh_ld_acq(slot_of(w))))
		_exit(3);
}
SWEEP(heir_disown, .run = run_disown, .kernel = true, .check = check_end,
      .covers = "bh_incarnation_disown");

static void run_vacate(struct world *w)
{
	bh_incarnation_vacate(slot_of(w), WORLD_EPOCH);
}

static const char *check_vacate(struct world *w)
{
	if (!says(w->found, BH_SLOT_DEAD, WORLD_EPOCH) &&
	    !says(w->found, BH_SLOT_VACANT, WORLD_EPOCH))
		return "a slot is neither of the dead nor empty";
	return check_next(w);
}
SWEEP(heir_vacate, .setup = setup_dead, .run = run_vacate, .kernel = true, .check = check_vacate,
      .covers = "bh_incarnation_vacate");

/* The end of a recovery: killed in it, it is done again, and the epoch begins then. */
static void run_recover_and_start(struct world *w)
{
	world_recover(w);
	run_start(w);
}
SWEEP(heir_recovered, .run = run_recover_and_start, .kernel = true, .check = check_next,
      .covers = "");

/* -- the heir takes the slot ------------------------------------------------------------- */

static void setup_begun(struct world *w)
{
	world_recover(w);
	run_start(w);
}

static void run_take(struct world *w)
{
	if (!bh_incarnation_take(slot_of(w), NEXT))
		_exit(3);
}

static const char *check_take(struct world *w)
{
	bool up = says(w->found, BH_SLOT_UP, NEXT);

	if (!up && !says(w->found, BH_SLOT_STARTING, NEXT))
		return "the slot is neither taken nor free to be taken";
	if (up != !!(w->found >> 32))
		return "its state and its process do not fit";
	return check_next(w);
}
SWEEP(heir_take, .setup = setup_begun, .run = run_take, .check = check_take,
      .covers = "bh_incarnation_take");

/* One that comes too late. */
static void setup_over(struct world *w)
{
	world_recover(w);
	bh_incarnation_start(slot_of(w), BEYOND);
}

static void run_late(struct world *w)
{
	if (bh_incarnation_take(slot_of(w), NEXT))
		_exit(3);
}

static const char *check_late(struct world *w)
{
	if (w->found != bh_slot_word(BH_SLOT_STARTING, BEYOND, 0))
		return "who came too late changed the slot's word";
	return check_next(w);
}
SWEEP(heir_late, .setup = setup_over, .run = run_late, .check = check_late, .covers = "");
