/* SPDX-License-Identifier: MIT */
/*
 * pinned.pml: a task that is pinned to one incarnation of a worker slot (ipc/arena/state.h,
 * evict() in ipc/repair/verify.c). Another worker makes it for incarnation 1 and a waker wakes
 * it; incarnation 1 may die at any step, the kernel then recovers the slot, starts
 * incarnation 2, and scans the table.
 *
 * Holds: only incarnation 1 ever runs the task; and when nothing moves any more, the
 * task has ended, or it waits at a home that lives.
 */
mtype = { RESERVED, SCHEDULED, WAITING, RUNNING, ENDED };

mtype state = RESERVED;
bool hint;                    /* in the home's ring */
byte popped;                  /* the journal of the slot: a hint was taken */
byte up = 1;                  /* the incarnation that is up; 0: none is */
bool dead[3], gone[3];
bool rescan, woken;

/* Incarnation @me of the slot. */
proctype worker(byte me)
{
	bool mine;
	{
end_idle:	do
		:: d_step { hint -> hint = false; popped = me }
			atomic {
#ifdef MUTATE_ANY_INCARNATION
				mine = state == SCHEDULED;
#else
				mine = state == SCHEDULED && me == 1;
#endif
				if
				:: mine -> assert(me == 1); state = RUNNING
				:: else
				fi }
			if
			:: mine && state == RUNNING -> /* suspends, or ends */
				if
				:: state = WAITING
				:: state = ENDED
				fi
#ifndef MUTATE_KEEP_QUIET
			:: !mine && state == SCHEDULED -> rescan = true /* report_stranded() */
#endif
			:: else
			fi;
			popped = 0
		od
	} unless { atomic { dead[me] -> gone[me] = true } }
}

/* bh_spawn() by a worker elsewhere. Its own death is recover_spawn()'s matter. */
proctype spawner()
{
	state = SCHEDULED;
	hint = true
}

/* bh_state_wake() and the push, once. */
proctype waker()
{
	bool won;

	state != RESERVED;
	d_step { won = state == WAITING; state = (won -> SCHEDULED : state) }
	if
	:: won -> hint = true
	:: else
	fi;
	woken = true
}

/* The scan's look at the task: its home is gone, and nobody runs it. */
inline scan()
{
	atomic {
		if
#ifdef MUTATE_SCAN_QUEUED_ALONE
		:: up != 1 && state == SCHEDULED -> state = ENDED
#else
		:: up != 1 && (state == SCHEDULED || state == WAITING) -> state = ENDED
#endif
		:: else
		fi
	}
}

proctype kernel()
{
end_live: dead[1] && gone[1];
	up = 0;
	/* bh_recover_begin(), bh_recover_worker() */
	atomic { state == RUNNING -> state = ENDED } unless { state != RUNNING };
	if
	:: popped && state == SCHEDULED -> hint = true
	:: else
	fi;
	popped = 0;
	if /* the next incarnation may be there before the scan, or after */
	:: up = 2; run worker(2); scan()
	:: scan(); up = 2; run worker(2)
	fi;
end_scan:
	do
	:: rescan -> rescan = false; scan()
	od
}

proctype killer()
{
	if
	:: dead[1] = true
	:: skip
	fi
}

init {
	atomic {
		run worker(1);
		run spawner();
		run waker();
		run kernel();
		run killer()
	}
	timeout;
	assert(state == ENDED || (up == 1 && state == WAITING))
}
