/* SPDX-License-Identifier: MIT */
/*
 * inject.pml: ipc/queue/inject.h with two cells: two pushers, two poppers, one of
 * them killed at any step.
 *
 * Holds: at the end each entry that was committed was returned by one pop, or
 * stands in the ring, or is the one that a dead popper's journal names; and the
 * queue still works, whoever died. A push that says "full" has put nothing in.
 */
#define SIZE  2
#define SHIFT 1
#define ITEMS 3

/* A cell: {lap, index}, lap in the high half. */
#ifdef MUTATE_NO_LAP
#define CELL(pos, idx) (idx)
#define LAP(cell)      (0)
#define MINE(pos)      (0)
#else
#define CELL(pos, idx) ((((pos) >> SHIFT) << 4) | (idx))
#define LAP(cell)      ((cell) >> 4)
#define MINE(pos)      ((pos) >> SHIFT)
#endif
#define IDX(cell) ((cell) & 15)

byte head, tail, cells[SIZE];
bool alone; /* at the end: then a loop is bounded */
byte tries = 1;
bool in[ITEMS + 1];  /* ghost: committed */
byte out[ITEMS + 1]; /* ghost: returned by a pop */
byte journal[4];     /* the poppers' */
bool done[4], dead[4];

/* One turn of each loop, a step for each word of shared memory that it touches. */
mtype = { LOOK, TRY, CHECK, TAKE, HELP, LAST, END }

inline help(counter)
{
	if
	:: counter == at -> counter = at + 1
	:: else
	fi
}

/* bh_inject_push(); ok: it is in */
inline push(idx)
{
	d_step { pc = LOOK; ok = false }
	do
	:: d_step { pc == LOOK && tries -> at = tail; tries = tries - alone; pc = TRY }
	:: d_step { pc == TRY ->
		found = cells[at % SIZE];
		if
		:: found == CELL(at, 0) ->
			cells[at % SIZE] = CELL(at, idx);
			in[idx] = true;
			ok = true;
			pc = LAST
		:: else ->
			if
			:: LAP(found) + 1 == MINE(at) && IDX(found) -> pc = END /* full */
#ifndef MUTATE_NO_HELP
			:: LAP(found) == MINE(at) || LAP(found) == MINE(at) + 1 -> pc = HELP
#endif
			:: else -> pc = LOOK
			fi
		fi;
		found = 0 }
	:: d_step { pc == HELP -> help(tail); at = 0; pc = LOOK }
	:: d_step { pc == LAST -> help(tail); at = 0; pc = END }
	:: pc == END || !tries -> break
	od;
	skip
}

/* bh_inject_pop(); got: the index, or 0 */
inline pop(me)
{
	d_step { pc = LOOK; got = 0 }
	do
	:: d_step { pc == LOOK && tries -> at = head; tries = tries - alone; pc = TRY }
	:: d_step { pc == TRY ->
		found = cells[at % SIZE];
		if
		:: LAP(found) == MINE(at) && IDX(found) ->
#ifndef MUTATE_LATE_JOURNAL
			journal[me] = IDX(found);
#endif
			pc = TAKE
		:: else ->
			if
			:: LAP(found) == MINE(at) + 1 -> pc = HELP
			:: else -> pc = CHECK
			fi
		fi }
	:: d_step { pc == CHECK -> pc = (head == at -> END : LOOK); found = 0 }
	:: d_step { pc == TAKE ->
		if
		:: cells[at % SIZE] == found ->
			cells[at % SIZE] = CELL(at + SIZE, 0);
			got = IDX(found);
			pc = LAST
		:: else -> pc = LOOK
		fi;
		found = 0 }
	:: d_step { pc == HELP -> help(head); at = 0; pc = LOOK }
	:: d_step { pc == LAST ->
		help(head);
#ifdef MUTATE_LATE_JOURNAL /* take, then say so */
		journal[me] = got;
#endif
		at = 0;
		pc = END }
	:: pc == END || !tries -> break
	od;
	skip
}

proctype pusher(byte me; byte item; byte last)
{
	byte at, found;
	mtype pc;
	bool ok;
	{
		do
		:: item <= last ->
			push(item);
			d_step { assert(ok == in[item]); item++; at = 0; ok = false }
		:: else -> break
		od;
		done[me] = true
	} unless { dead[me] }
}

proctype popper(byte me; byte turns)
{
	byte at, found, got;
	mtype pc;
	{
		do
		:: turns ->
			pop(me);
			d_step { out[got]++; turns--; journal[me] = 0; at = 0; got = 0; found = 0 }
		:: else -> break
		od;
		done[me] = true
	} unless { dead[me] }
}

inline kill(p)
{
	!done[p] -> dead[p] = true
}

init
{
	byte at, found, got, k;
	mtype pc;
	bool ok;

	d_step { cells[0] = CELL(0, 0); cells[1] = CELL(1, 0) }
	atomic { run pusher(0, 1, 2); run pusher(1, 3, 3); run popper(2, 2); run popper(3, 1) }
	atomic {
		if
		:: done[0] && done[1] && done[2] && done[3]
		:: kill(0)
		:: kill(2)
		fi
	}
	(done[0] || dead[0]) && done[1] && (done[2] || dead[2]) && done[3];
	atomic {
		/* What is left, and then: does it still work? */
		alone = true;
		tries = 20;
		k = 0;
		do
		:: k <= SIZE -> pop(0); out[got]++; k++
		:: else -> break
		od;
		k = 1;
		do
		:: k <= ITEMS ->
			if
			:: in[k] -> assert(out[k] == 1 || out[k] == 0 &&
					   dead[2] && journal[2] == k)
			:: else -> assert(out[k] == 0)
			fi;
			k++
		:: else -> break
		od;
		push(1);
		assert(ok);
		pop(0);
		assert(got == 1)
	}
}
