/* SPDX-License-Identifier: MIT */
/*
 * lifo.pml: the LIFO slot (workers/executor/executor.c) between its owner, who schedules and
 * pops, and the kernel, which takes what stands there while the owner does not turn
 * (ipc/repair/stall.c). Either is killed at any step, or nobody; recovery follows, of the
 * kernel first. What is queued in the end is run then.
 *
 * The owner loads and stores, it exchanges nothing: so the two may come to have a hint
 * each to one task. Who runs it is decided by its state word.
 *
 * Holds: every task that was scheduled is run, once.
 */
#define ITEMS 3
#define TAKES 2

byte lifo;
byte popped, waking;     /* journals: the owner's, the kernel's */
byte queued[ITEMS + 1];  /* hints at each task, in the ring or the inject queue */
byte ran[ITEMS + 1];
bool scheduled[ITEMS + 1]; /* ghost: the store that put it in the slot was done */
bool done[2], dead[2], recovered;

/* A step touches one word that others write; its own words go with it. */
proctype owner()
{
	byte item = 1, pops = 2, before;
	{
		do
		:: item <= ITEMS -> /* bh_rt_schedule() */
			before = lifo;
#ifndef MUTATE_NO_POP_JOURNAL
			popped = before;
#endif
			d_step { lifo = item; scheduled[item] = true; item++ }
			if
			:: before != 0 -> queued[before]++
			:: else
			fi
		:: pops > 0 -> /* pop_lifo() */
			pops--;
			before = lifo;
			if
			:: before != 0 ->
#ifndef MUTATE_NO_POP_JOURNAL
				popped = before;
#endif
				lifo = 0;
				ran[before]++
			:: else
			fi
		:: item > ITEMS -> break
		od;
		skip;
		d_step { done[0] = true; before = 0 }
	} unless { dead[0] }
}

proctype kernel()
{
	byte takes = TAKES, idx;
	{
		do
		:: takes > 0 -> /* take_lifo() */
			takes--;
			idx = lifo;
			if
			:: idx != 0 ->
#ifndef MUTATE_NO_WAKE_JOURNAL
				waking = idx;
#endif
#ifdef MUTATE_BLIND_TAKE /* an exchange: what it takes is not what its journal names */
				d_step { idx = lifo; lifo = 0 }
#else
#ifdef MUTATE_PLAIN_TAKE /* a load and a store where the CAS should be */
				lifo = 0;
#else
				d_step { if :: lifo == idx -> lifo = 0 :: else -> idx = 0 fi }
#endif
#endif
				if
				:: idx != 0 -> queued[idx]++
				:: else
				fi
			:: else
			fi
		:: takes == 0 -> break
		od;
		skip;
		d_step { done[1] = true; idx = 0 }
	} unless { dead[1] }
}

inline requeue(idx)
{
	if
	:: idx != 0 && ran[idx] == 0 -> queued[idx]++ /* still SCHEDULED */
	:: else
	fi
}

proctype killer()
{
	atomic {
		if
		:: true
		:: !done[0] -> dead[0] = true
		:: !done[1] -> dead[1] = true
		:: !done[0] && !done[1] -> dead[0] = true; dead[1] = true
		fi
	}
	(done[0] || dead[0]) && (done[1] || dead[1]);
	if
	:: dead[1] -> d_step { requeue(waking) }
	:: else
	fi;
	if
	:: dead[0] -> d_step { requeue(lifo); lifo = 0; requeue(popped) }
	:: else
	fi;
	recovered = true
}

init
{
	byte i = 1, n;

	atomic { run owner(); run kernel(); run killer() }
	recovered;
	d_step {
		do
		:: i <= ITEMS ->
			n = queued[i] + (lifo == i -> 1 : 0);
#ifdef MUTATE_TRUST /* hints are believed: the state word is not looked at */
			ran[i] = ran[i] + n;
#else
			ran[i] = (ran[i] + n > 0 -> 1 : 0);
#endif
			assert(ran[i] <= 1);
			assert(ran[i] || !scheduled[i]);
			i++
		:: else -> break
		od
	}
}
