/* SPDX-License-Identifier: MIT */
/*
 * blocking.pml: ipc/protocol/blocking.h and its users: who queues jobs, processes that run
 * them, sleep and go, and the kernel, which makes processes when there are jobs.
 *
 * Holds: when nothing moves any more, no job is queued, although one process may
 * be killed at any step (any of them; the kernel has a successor), and one job may
 * never end. Taking a job is one step here; inject.pml looks inside.
 */
#define SLOTS  2
#define PUSHER SLOTS
#define KERNEL (SLOTS + 1)
#define ITEMS  2

mtype = { NONE, STARTING, TAKE, RUN, PARK1, PARK2, PARK3, CANCEL, SLEEP, GONE, PUSH, PICK1, PICK2,
	  UNPARK, WANT, WAIT, LOOK, CLEAR, LOOK2, SET, GROW };

byte jobs;
bool parked[SLOTS], asleep[SLOTS], used[SLOTS], exited[SLOTS];
bool wanted, bell, again; /* again: the kernel's timer */
bool dead[SLOTS + 2];
bool hog; /* one job will not end */

/* bh_blocking_pick(): goes on at @found or @none. */
#define PICK(found, none)                                                          \
	:: d_step { pc == PICK1 -> w = (parked[0] -> 0 : 1);                       \
		pc = (parked[w] -> PICK2 : none) }                                 \
	:: d_step { pc == PICK2 -> pc = (parked[w] -> UNPARK : PICK1); parked[w] = false } \
	:: d_step { pc == UNPARK -> asleep[w] = false; w = 0; pc = found }

proctype process(byte me)
{
	mtype pc = NONE;
end_idle:
	{
end:		do
		:: d_step { pc == NONE && used[me] -> pc = TAKE }
		:: d_step { pc == TAKE ->
			if
			:: jobs > 0 -> jobs--; pc = RUN
			:: else -> pc = PARK1
			fi }
		:: d_step { pc == RUN && hog -> hog = false; pc = GONE }
		:: d_step { pc == RUN -> pc = TAKE }
		/* bh_blocking_park_begin() */
		:: d_step { pc == PARK1 -> asleep[me] = true; pc = PARK2 }
#ifdef MUTATE_LOOK_FIRST
		:: d_step { pc == PARK2 -> pc = (jobs > 0 -> CANCEL : PARK3) }
		:: d_step { pc == PARK3 -> parked[me] = true; pc = SLEEP }
#else
		:: d_step { pc == PARK2 -> parked[me] = true; pc = PARK3 }
		:: d_step { pc == PARK3 -> pc = (jobs > 0 -> CANCEL : SLEEP) }
#endif
		:: d_step { pc == CANCEL ->
			if
			:: parked[me] -> parked[me] = false; asleep[me] = false; pc = TAKE
			:: else -> pc = SLEEP
			fi }
		:: d_step { pc == SLEEP && !asleep[me] -> pc = TAKE }
		/* No job for long: it goes if nobody has picked it. */
		:: d_step { pc == SLEEP && parked[me] ->
			parked[me] = false; asleep[me] = false; exited[me] = true; pc = NONE;
			used[me] = false }
		od
	} unless { atomic { dead[me] -> pc = NONE; used[me] = false; exited[me] = true } };
	atomic { !dead[me] -> goto end_idle }
}

proctype pusher()
{
	mtype pc = PUSH;
	byte w, left = ITEMS;
	{
		do
		:: d_step { pc == PUSH && left -> jobs++; left--; pc = PICK1 }
		PICK(PUSH, WANT)
		:: d_step { pc == WANT -> bell = bell || !wanted; wanted = true; pc = PUSH }
		:: pc == PUSH && !left -> break
		od
	} unless { dead[PUSHER] }
}

/* What is done about a death or an end, after which the kernel looks at the queue. */
#define BURY(s)                                                            \
	exited[s] = false;                                                 \
	parked[s] = false;                                                 \
	asleep[s] = false;                                                 \
	dead[s] = false

#ifdef MUTATE_NO_ROUSE
#define ROUSE skip
#else
#define ROUSE                                                              \
	asleep[0] = asleep[0] && parked[0];                                \
	asleep[1] = asleep[1] && parked[1]
#endif

proctype kernel()
{
	mtype pc = LOOK; /* a successor looks, too */
	byte w;
	bool mourn;
end_start:
	{
end:		do
		:: d_step { pc == WAIT && bell -> bell = false; pc = LOOK }
		:: d_step { pc == WAIT && again -> again = false; pc = LOOK }
		:: d_step { (pc == WAIT || pc == LOOK) && exited[0] && !dead[0] -> BURY(0); ROUSE;
			pc = LOOK }
		:: d_step { (pc == WAIT || pc == LOOK) && exited[1] && !dead[1] -> BURY(1); ROUSE;
			pc = LOOK }
		:: d_step { (pc == WAIT || pc == LOOK) && dead[0] && exited[0] -> BURY(0); ROUSE;
			pc = LOOK }
		:: d_step { (pc == WAIT || pc == LOOK) && dead[1] && exited[1] -> BURY(1); ROUSE;
			pc = LOOK }
		:: d_step { (pc == WAIT || pc == LOOK) && dead[PUSHER] && !mourn -> mourn = true;
			ROUSE; pc = LOOK }
		/* look_demand() */
		:: d_step { pc == LOOK -> pc = (jobs > 0 -> SET : CLEAR) }
		:: d_step { pc == CLEAR -> pc = (wanted -> LOOK2 : WAIT); wanted = false }
#ifdef MUTATE_CLEAR_LAST /* does not look again after it */
		:: d_step { pc == LOOK2 -> pc = WAIT }
#else
		:: d_step { pc == LOOK2 -> pc = (jobs > 0 -> SET : WAIT) }
#endif
		:: d_step { pc == SET -> wanted = true; pc = PICK1 }
		PICK(GROW, GROW)
#ifdef MUTATE_RELY_ON_BELL /* but `wanted` is set, and nobody rings */
		:: d_step { pc == GROW -> pc = WAIT;
#else
		:: d_step { pc == GROW -> pc = WAIT; again = !(used[0] && used[1]) ||
				parked[0] || parked[1];
#endif
			if
			:: !used[0] && !exited[0] -> used[0] = true
			:: else ->
				if
				:: !used[1] && !exited[1] -> used[1] = true
				:: else
				fi
			fi }
		od
	} unless { atomic { dead[KERNEL] -> dead[KERNEL] = false; ROUSE;
		w = 0; mourn = false;
#ifdef MUTATE_NO_LOOK
		pc = WAIT
#else
		pc = LOOK
#endif
		} };
	goto end_start
}

proctype killer()
{
	if
	:: dead[PUSHER] = true
	:: dead[KERNEL] = true
	:: d_step { used[0] -> dead[0] = true }
	:: d_step { used[1] -> dead[1] = true }
	:: skip
	fi
}

init
{
	atomic {
		run process(0);
		run process(1);
		run pusher();
		run kernel();
		run killer();
		if
		:: hog = true
		:: skip
		fi
	}
	timeout;
	assert(jobs == 0)
}
