/* SPDX-License-Identifier: MIT */
/*
 * restart.pml: a kernel that is killed, again and again, while it recovers after
 * a worker (kernel/repair/death.c, ipc/repair/recover.c) and while it keeps the time
 * (kernel/reactor/timers.c); its successor has the board and the arena alone (attach.c).
 * The steps of workers, whose own journals task.pml checks, are atomic here.
 *
 * A is the task that its worker dies with, P waits for A, T sleeps twice.
 *
 * Holds: when nothing moves any more, every task has ended, the worker is back,
 * and the one death was recovered, recorded and counted once.
 */
#define KERNEL_KILLS 2
#define A 0
#define P 1
#define T 2

mtype = { SCHEDULED, RUNNING, WAITING, CLEANUP, DONE };
mtype = { UP, DEAD, STARTING };

/* the arena */
mtype state[3] = { SCHEDULED, WAITING, SCHEDULED };
byte hints[3] = { 1, 0, 1 };
bool notified[3];
bool can_restart;            /* A, once */
byte deadline, armed;        /* T's, and what the kernel says of it */
byte posted;                 /* how often the worker's timer ring names T */
byte ending, ending_count;   /* the kernel's journal: 1 + the task */
byte crashed;

/* the board */
mtype worker_state = UP;
bool worker_pid = true;
byte record, crash_id, crashes;

bool alive = true, hit;      /* the worker; it died */
bool kernel_dead, kernel_gone;
byte now;                    /* the time: 1 and 2 are deadlines */
bool early;
byte taken, sleeps;          /* ghosts: times that A was taken from the dead; T's sleeps */

inline enqueue(t)
{
	d_step { hints[t] = (hints[t] < 3 -> hints[t] + 1 : 3) }
}

/* bh_kernel_wake() */
inline wake(t)
{
	d_step {
		queue = state[t] == WAITING;
		if
		:: state[t] == WAITING -> state[t] = SCHEDULED
		:: state[t] == RUNNING -> notified[t] = true
		:: else
		fi
	}
	if
	:: queue -> enqueue(t)
	:: else
	fi;
	queue = false
}

proctype worker()
{
end_idle:	do
	:: d_step { alive && hints[A] ->
		hints[A]--;
		if
		:: state[A] == SCHEDULED -> state[A] = RUNNING
		:: else
		fi }
	:: d_step { alive && state[A] == RUNNING ->
		state[A] = DONE;
		if
		:: state[P] == WAITING -> state[P] = SCHEDULED; hints[P]++
		:: else -> notified[P] = true
		fi }
	:: d_step { alive && hints[P] ->
		hints[P]--;
		if
		:: state[P] == SCHEDULED -> state[P] = (state[A] == DONE -> DONE : WAITING)
		:: else
		fi }
	/* T: looks at the clock, and sets its next deadline */
	:: d_step { alive && hints[T] && state[T] != RUNNING ->
		hints[T]--;
		if
		:: state[T] == SCHEDULED -> state[T] = RUNNING; notified[T] = false; deadline = 0
		:: else
		fi }
	:: d_step { alive && state[T] == RUNNING ->
		if
		:: now >= sleeps -> sleeps++
		:: else /* woken early */
		fi;
		if
		:: sleeps > 2 -> state[T] = DONE
		:: else ->
			deadline = sleeps;
			posted = posted + (armed == 0 || armed > deadline);
			if
			:: notified[T] -> state[T] = SCHEDULED; hints[T]++
			:: else -> state[T] = WAITING
			fi
		fi }
	/* something else wakes it, once */
	:: d_step { !early && state[T] == WAITING -> early = true; state[T] = SCHEDULED; hints[T]++ }
	/* it is killed with A */
	:: d_step { alive && !hit && state[A] == RUNNING && state[T] != RUNNING ->
		hit = true;
		alive = false }
	od
}

/* arm() */
inline arm()
{
	if
	:: deadline && (armed == 0 || armed > deadline) ->
		wheel = deadline;
		armed = wheel
	:: else
	fi
}

/* settle_ending() */
inline settle()
{
	if
	:: ending && state[A] != CLEANUP ->
		crashed = ending_count;
#ifndef MUTATE_NO_SETTLE
		if
		:: state[A] == DONE -> wake(P)
		:: else
		fi
#endif
	:: else
	fi;
	ending = 0
}

/* bh_worker_died() */
inline worker_died()
{
	worker_state = DEAD;
	settle();
	/* bh_recover_begin() */
	d_step {
		mine = state[A] == CLEANUP || state[A] == RUNNING && taken == 0;
#ifdef MUTATE_NO_CLEANUP /* one that a dead kernel took is nobody's */
		mine = state[A] == RUNNING && taken == 0;
#endif
		if
		:: mine && state[A] == RUNNING -> state[A] = CLEANUP; taken++
		:: else
		fi
	}
	/* bh_crash_record() */
	if
#ifndef MUTATE_RECORD_TWICE
	:: crash_id && record == crash_id ->
#ifndef MUTATE_NO_CRASHES
		crashes = crash_id
#else
		skip
#endif
#endif
	:: else ->
		record = crashes + 1;
		crash_id = record;
		crashes = record
	fi;
	/* bh_recover_task() */
	if
	:: mine && can_restart -> state[A] = SCHEDULED; enqueue(A)
	:: mine && !can_restart ->
#ifdef MUTATE_COUNT_FIRST
		crashed++;
		ending_count = crashed;
#else
		ending_count = crashed + 1;
#endif
		ending = 1;
		state[A] = DONE;
		wake(P);
		settle()
	:: else
	fi;
	mine = false;
	/* replace() */
	worker_pid = false;
	worker_start()
}

inline worker_start()
{
	worker_state = STARTING;
	d_step { alive = true; worker_pid = true }
}

proctype kernel()
{
	byte wheel, t;
	bool queue, mine;
end_dead:
	{
		/* bh_kernel_attach() */
		if
		:: worker_state == DEAD && !worker_pid -> worker_start()
		:: worker_state == STARTING && !worker_pid -> worker_start()
		:: else
		fi;
#ifndef MUTATE_NO_REBUILD
#ifndef MUTATE_KEEP_ARMED
		armed = 0;
#endif
		arm();
#endif
		/* the scan waits for the dead to be recovered */
		if
		:: !alive || worker_state == DEAD -> worker_died()
		:: else
		fi;
#ifndef MUTATE_NO_SCAN
		do
		:: t < 3 ->
			if
			:: state[t] == SCHEDULED && hints[t] == 0 -> enqueue(t)
			:: else
			fi;
			t++
		:: else -> break
		od;
		t = 0;
#endif
end_idle:	do
		:: !alive -> worker_died()
		:: worker_state == STARTING && alive -> worker_state = UP; crash_id = 0
		:: posted -> t = posted; arm(); posted = posted - t; t = 0 /* ring: head = tail */
		:: wheel -> /* its time has come: expire() */
			d_step { now = (wheel > now -> wheel : now); wheel = 0 }
#ifdef MUTATE_LATE_DISARM
			t = deadline;
			armed = 0;
#else
			armed = 0;
			t = deadline;
#endif
			if
			:: t > now -> arm()
			:: t && t <= now -> wake(T)
			:: else
			fi;
			t = 0
		od
	} unless { atomic { kernel_dead -> kernel_gone = true; wheel = 0; t = 0; queue = false;
			    mine = false } };
	atomic { kernel_gone -> kernel_dead = false; kernel_gone = false; goto end_dead }
}

proctype killer()
{
	byte kills = KERNEL_KILLS;

	do
	:: atomic { kills && !kernel_dead -> kills--; kernel_dead = true }
	:: kills = 0; break
	od
}

init
{
	atomic {
		if
		:: can_restart = true
		:: skip
		fi;
		run worker();
		run kernel();
		run killer()
	}
	timeout;
	assert(state[A] == DONE && state[P] == DONE && state[T] == DONE);
	assert(alive && worker_state == UP);
	assert(taken == hit && crashes == hit && crashed == (hit && !can_restart))
}
