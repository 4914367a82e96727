/* SPDX-License-Identifier: MIT */
/*
 * idle.pml: ipc/queue/idle.h, and the executor's use of it: workers that look for work,
 * search, and sleep (the first spins before), and a kernel that queues work and wakes
 * them.
 *
 * Holds: when nothing moves any more, no work is queued, and whoever runs a task could
 * not be picked. In some runs one process
 * is killed at any step, and its bits are cleared and all workers woken after it;
 * in some one piece of work never ends, and still no other may be left lying while
 * a worker sleeps; and in some both happens, and the kernel clears the searching
 * bit of the worker that does not turn (ipc/repair/stall.c). Workers that
 * are stopped: stopped.pml.
 */
#define WORKERS 2
#define KERNEL  WORKERS /* its index, beside the workers' */
#define ANYBODY 9

/* Where a process stands. */
mtype = { TURN, SEARCH, AGAIN, FOUND, POLL, PARK1, PARK2, PARK3, PARK4, CANCEL1, CANCEL2, CANCEL3,
	  SLEEP, SPUN, END, HOGGED, PICK1, PICK2, PICK3, PICK4, UNPARK, WAKE, PUSH };

/* Park words; BH_PARKED_IN_EPOLL is as BH_PARKED here. */
#define AWAKE    0
#define PARKED   1
#define SPINNING 2

byte work; /* entries in all queues */
bool parked[WORKERS], searching[WORKERS];
byte park[WORKERS];   /* the park word */
bool asleep[WORKERS]; /* in futex_wait */
bool dead[WORKERS + 1], gone[WORKERS + 1];
bool hog; /* there is still one that never ends */
bool hogged[WORKERS];
bool stopped[WORKERS + 1];
bool endless, stuck; /* the pusher's poll may last; does */

/* bh_notify(): a step for each word it touches; goes on at @then. */
#define NOTIFY(then)                                                                       \
	:: d_step { pc == PICK1 -> pc = (searching[0] || searching[1] -> then : PICK2) }   \
	:: d_step { pc == PICK2 ->                                                         \
		w = (parked[0] -> 0 : 1);                                                  \
		pc = (parked[w] -> PICK3 : then) }                                         \
	:: d_step { pc == PICK3 -> pc = (parked[w] -> PICK4 : PICK2); parked[w] = false }  \
	:: d_step { pc == PICK4 -> searching[w] = true; pc = UNPARK }                      \
	:: d_step { pc == UNPARK ->                                                        \
		pc = (park[w] == PARKED -> WAKE : then);                                   \
		park[w] = AWAKE;                                                           \
		w = (pc == WAKE -> w : 0) }                                                \
	:: d_step { pc == WAKE -> asleep[w] = false; w = 0; pc = then }

proctype worker(byte me) provided (!stopped[me])
{
	mtype pc = TURN;
	byte w;
	bool last;
end_dead:
	{
end_idle:	do
		:: d_step { (pc == TURN || pc == AGAIN) ->
			if
			:: work > 0 -> work--; pc = FOUND
			:: else -> pc = (pc == TURN -> SEARCH : PARK1)
			fi }
		/* bh_idle_search_begin(): at most half of the workers */
		:: d_step { pc == SEARCH ->
			pc = (searching[me] || !(searching[0] || searching[1]) -> AGAIN : PARK1);
			searching[me] = searching[me] || pc == AGAIN }
		/* bh_idle_search_end(): the last searcher wakes one more */
		:: d_step { pc == FOUND ->
			last = searching[me] && !searching[1 - me];
			searching[me] = false;
#ifdef MUTATE_LAST_WAKES_NOBODY
			last = false;
#endif
			pc = (last -> PICK1 : POLL);
			last = false }
		NOTIFY(POLL)
		:: d_step { pc == POLL && hog -> assert(!parked[me]); hog = false; hogged[me] = true; pc = HOGGED }
		:: d_step { pc == POLL -> assert(!parked[me]); pc = TURN }
		/* bh_idle_park_begin() */
		:: d_step { pc == PARK1 -> park[me] = (me == 0 -> SPINNING : PARKED); pc = PARK2 }
#if defined(MUTATE_LOOK_FIRST) /* D1 after the look */
		:: d_step { pc == PARK2 -> searching[me] = false; pc = PARK3 }
		:: d_step { pc == PARK3 -> pc = (work > 0 -> CANCEL1 : PARK4) }
		:: d_step { pc == PARK4 -> parked[me] = true; pc = SLEEP }
#elif defined(MUTATE_CLEAR_LATE) /* takes away the bit that a picker has just set */
		:: d_step { pc == PARK2 -> parked[me] = true; pc = PARK3 }
		:: d_step { pc == PARK3 -> searching[me] = false; pc = PARK4 }
		:: d_step { pc == PARK4 -> pc = (work > 0 -> CANCEL1 : SLEEP) }
#else
		:: d_step { pc == PARK2 -> searching[me] = false; pc = PARK3 }
		:: d_step { pc == PARK3 -> parked[me] = true; pc = PARK4 }
		:: d_step { pc == PARK4 -> pc = (work > 0 -> CANCEL1 : SLEEP) }
#endif
		/* bh_idle_park_cancel(): who was picked meanwhile waits for its wake-up */
#ifdef MUTATE_CANCEL_ALWAYS
		:: d_step { pc == CANCEL1 -> parked[me] = false; pc = CANCEL2 }
#else
		:: d_step { pc == CANCEL1 -> pc = (parked[me] -> CANCEL2 : SLEEP); parked[me] = false }
#endif
#ifdef MUTATE_CANCEL_SILENT /* what came while it searched woke nobody */
		:: d_step { pc == CANCEL2 -> pc = CANCEL3 }
#else
		:: d_step { pc == CANCEL2 -> searching[me] = true; pc = CANCEL3 }
#endif
		:: d_step { pc == CANCEL3 -> park[me] = AWAKE; pc = TURN }
		/* bh_idle_spun(), and futex_wait(), which compares */
#ifdef MUTATE_SPUN_BLIND
		:: d_step { pc == SLEEP && park[me] == SPINNING -> pc = SPUN }
		:: d_step { pc == SPUN -> park[me] = PARKED; pc = SLEEP }
#else
		:: d_step { pc == SLEEP && park[me] == SPINNING -> park[me] = PARKED }
#endif
		:: d_step { pc == SLEEP && park[me] == PARKED && !asleep[me] -> asleep[me] = true }
		:: d_step { pc == SLEEP && park[me] == AWAKE && !asleep[me] -> pc = END }
		/* bh_idle_park_end() */
#ifdef MUTATE_KEEP_BIT
		:: d_step { pc == END -> pc = TURN }
#else
		:: d_step { pc == END -> parked[me] = false; pc = TURN }
#endif
		od
	} unless { atomic {
		dead[me] ->
		gone[me] = true; pc = TURN; w = 0; last = false; hogged[me] = false; asleep[me] = false
	} };
	atomic { !gone[me] -> goto end_idle }
}

/* Queues @items, as the kernel does, each with a wake-up, or as a poll does
 * (workers/queue/deferred_fence.h): a look without a fence may find nobody, and then there is one at
 * the end. In some runs a poll does not come to its end. */
proctype kernel(byte items) provided (!stopped[KERNEL])
{
	mtype pc = PUSH;
	byte w;
	bool owes;
	{
end_stopped:	do
		:: d_step { pc == PUSH && items > 0 -> work++; items--; pc = PICK1 }
		:: d_step { pc == PUSH && items > 0 -> work++; items--; owes = true }
		:: d_step { pc == PUSH && items == 0 && owes ->
			owes = false;
#ifdef MUTATE_OWE_NOTHING
			pc = PUSH }
#else
			pc = PICK1 }
#endif
		:: d_step { pc == PUSH && owes && endless -> stuck = true; pc = HOGGED }
		NOTIFY(PUSH)
		:: pc == PUSH && items == 0 && !owes -> break
		:: pc == HOGGED -> break
		od;
end_gone:	gone[KERNEL] = true
	} unless { atomic { dead[KERNEL] -> gone[KERNEL] = true } }
}

/* Kills worker @who, or anybody. */
proctype killer(byte who)
{
	byte v, i;

	atomic {
		if
		:: who != 1 -> v = 0
		:: v = 1
		:: who != 1 && !gone[KERNEL] -> v = KERNEL
		:: goto end
		fi;
		dead[v] = true
	}
	gone[v];
	/* clear_masks(), for a worker */
	if
	:: v != KERNEL ->
		parked[v] = false;
		searching[v] = false;
		park[v] = AWAKE;
		d_step { dead[v] = false; gone[v] = false }
	:: else
	fi;
#ifndef MUTATE_WAKE_NOBODY
	/* bh_unpark_all(): the word says what its waker was about to do, not what
	 * it has done */
	do
#ifdef MUTATE_BELIEVE_WORD
	:: i < WORKERS && park[i] != PARKED -> i++
	:: i < WORKERS && park[i] == PARKED ->
#else
	:: i < WORKERS ->
#endif
		park[i] = AWAKE;
		d_step { asleep[i] = false; i++ }
	:: i == WORKERS -> break
	od;
#endif
end:	skip
}

/* Stops anybody: the last, as a worker that pushes. */
proctype stopper()
{
	if
	:: stopped[0] = true
	:: stopped[1] = true
	:: stopped[KERNEL] = true
	fi
}

#define IDLE_PICK (!searching[0] && !searching[1] && (parked[0] || parked[1]))
/* bh_stall_relieve() is called for it, also in its sleep */
/* Sleeps without its bit: it does not turn, either. (Only after a stop, for the sake of the
 * number of states.) */
#define UNTOLD(i) (asleep[i] && !parked[i] && (stopped[0] || stopped[1] || stopped[KERNEL]))
#ifdef MUTATE_LET_SLEEP
#define RELIEVED(i) ((stopped[i] && !parked[i]) || UNTOLD(i))
#else
#define RELIEVED(i) (stopped[i] || UNTOLD(i))
#endif
#define ANY_RELIEVED (RELIEVED(0) || RELIEVED(1) || stopped[KERNEL])

/* bh_stall_relieve() */
proctype relief()
{
	mtype pc = TURN;
	byte w;
end_relief:
	do
#ifndef MUTATE_NO_RELIEF
#ifdef MUTATE_RELIEF_SILENT /* what was queued while the bit stood woke nobody */
	:: d_step { pc == TURN && hogged[0] && searching[0] -> searching[0] = false }
	:: d_step { pc == TURN && hogged[1] && searching[1] -> searching[1] = false }
#else
	:: d_step { pc == TURN && hogged[0] && searching[0] -> searching[0] = false; pc = PICK1 }
	:: d_step { pc == TURN && hogged[1] && searching[1] -> searching[1] = false; pc = PICK1 }
#endif
#endif
#ifndef MUTATE_NO_RELIEF
	:: d_step { pc == TURN && stuck && work > 0 -> stuck = false; pc = PICK1 }
	/* For one that is stopped; that it is done again changes nothing, if it does nothing */
	:: d_step { pc == TURN && RELIEVED(0) && searching[0] -> searching[0] = false; pc = PICK1 }
	:: d_step { pc == TURN && RELIEVED(1) && searching[1] -> searching[1] = false; pc = PICK1 }
	:: d_step { pc == TURN && ANY_RELIEVED && searching[0] && parked[0] -> searching[0] = false; pc = PICK1 }
	:: d_step { pc == TURN && ANY_RELIEVED && searching[1] && parked[1] -> searching[1] = false; pc = PICK1 }
	:: d_step { pc == TURN && ANY_RELIEVED && work > 0 && IDLE_PICK -> pc = PICK1 }
#ifndef MUTATE_LEAVE_ASLEEP /* who was picked by one that is stopped */
	:: d_step { pc == TURN && UNTOLD(0) -> park[0] = AWAKE; asleep[0] = false }
	:: d_step { pc == TURN && UNTOLD(1) -> park[1] = AWAKE; asleep[1] = false }
#endif
#endif
	NOTIFY(TURN)
	od
}

init
{
	atomic {
		run worker(0);
		run worker(1);
		run kernel(2);
#ifdef STOPS
		run relief();
		run stopper()
#else
		if
		:: run killer(1); run relief(); hog = true
		:: run killer(ANYBODY)
		:: run relief(); endless = true
		:: hog = true
		fi
#endif
	}
	timeout;
	/* A worker that is stopped before its pop's end may hold the rest in no queue:
	 * that is bh_stall_requeue()'s. */
	assert(work == 0)
}
