/* SPDX-License-Identifier: MIT */
/*
 * task.pml: the state word of one task (ipc/arena/state.h) with hints in a queue: two
 * workers that run it, two wakers, and a kernel that kills any of them at any
 * step, recovers after it (ipc/repair/recover.c), and starts workers again.
 *
 * Holds: never do two run the task at once; and when nothing moves any more, the
 * task has been polled after each wake-up that was given to it.
 */
#define WAKERS 2
#define KILLS  2

mtype = { SCHEDULED, RUNNING, WAITING, CLEANUP };
mtype state = WAITING;
bool notified;
byte holder;

byte hints;                             /* entries in queues that name the task */
bool popped[4], waking[4], current[4];  /* journals; 0, 1: workers; 2, 3: wakers */
bool dead[4], gone[4];
byte polling;                           /* ghost: how many run it */
byte posted, owed, seen;                /* ghost: events, announced, and looked at */

/* bh_state_run() */
inline run_task(me)
{
	d_step {
#ifdef MUTATE_BLIND_RUN /* a store where the CAS should be */
		ran = true;
#else
		ran = state == SCHEDULED;
#endif
		if
		:: ran ->
			state = RUNNING;
			holder = me;
			notified = false;
			polling++;
			assert(polling == 1)
		:: else
		fi
	}
}

/* bh_state_suspend(); ran: it must be queued */
inline suspend()
{
	d_step {
#ifdef MUTATE_DEAF /* NOTIFIED is not looked at */
		ran = false;
#else
		ran = notified;
#endif
		state = (ran -> SCHEDULED : WAITING);
		notified = false;
		polling--
	}
}

proctype worker(byte me)
{
	bool ran;
end_idle:
	{
end_wait:	do
		:: hints > 0 ->
#ifndef MUTATE_NO_POP_JOURNAL
			popped[me] = true;
#endif
			if
			:: d_step { hints > 0 -> hints-- }
#ifndef MUTATE_LATE_CURRENT
				current[me] = true;
#endif
				run_task(me);
				if
				:: ran ->
#ifdef MUTATE_LATE_CURRENT /* run, then say so */
					current[me] = true;
#endif
#ifndef MUTATE_NO_WAKE_JOURNAL
					waking[me] = true;
#endif
					seen = posted;
					suspend();
					if
					:: ran -> hints++
					:: else
					fi
				:: else
				fi
			:: else /* somebody else took it */
			fi;
			ran = false
		od
	} unless { atomic { dead[me] -> gone[me] = true; ran = false } };
	atomic { !gone[me] -> goto end_idle }
}

/* bh_rt_wake() */
proctype waker(byte me)
{
	bool queue;
	{
		posted++;
#ifndef MUTATE_NO_WAKE_JOURNAL
		waking[me] = true;
#endif
		d_step {
			owed = posted;
			queue = state == WAITING;
			if
			:: state == WAITING -> state = SCHEDULED
			:: state == RUNNING -> notified = true
			:: else
			fi
		}
		if
		:: queue -> hints++
		:: else
		fi;
		gone[me] = true
	} unless { atomic { dead[me] -> gone[me] = true } }
}

inline requeue(journal)
{
	if
	:: journal && state == SCHEDULED -> hints++
	:: else
	fi;
	journal = false
}

inline recover(v)
{
	d_step { /* bh_recover_begin() */
		mine = current[v] && state == RUNNING && holder == v;
		if
		:: mine -> state = CLEANUP; polling--
		:: else
		fi
	}
	if
	:: mine -> d_step { state = SCHEDULED; notified = false }; hints++ /* restart_task() */
	:: else
	fi;
	d_step { requeue(popped[v]) }
	d_step { requeue(waking[v]) }
	current[v] = false
}

proctype kernel()
{
	byte kills = KILLS, v;
	bool mine;

	do
	:: kills > 0 ->
		atomic {
			kills--;
			if
			:: v = 0
			:: v = 1
			:: !dead[2] && !gone[2] -> v = 2
			fi;
#ifndef MUTATE_TIMEOUT_IS_DEATH /* take back from one that only seems dead */
			dead[v] = true
#endif
		}
#ifndef MUTATE_TIMEOUT_IS_DEATH
		gone[v]; /* the death is confirmed */
#endif
		recover(v);
		if
		:: v < 2 -> d_step { dead[v] = false; gone[v] = false }
		:: else
		fi;
		v = 0
	:: kills > 0 -> kills = 0
	:: kills == 0 -> break
	od
}

init
{
	atomic { run worker(0); run worker(1); run waker(2); run waker(3); run kernel() }
	timeout;
	assert(state == WAITING && seen >= owed && polling == 0)
}
