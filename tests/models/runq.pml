/* SPDX-License-Identifier: MIT */
/*
 * runq.pml: ipc/queue/runq.h at four cells: an owner that pushes, overflows and takes two at
 * a time in its hand (ipc/queue/batch.h), two thieves, and one of them killed at any step.
 *
 * Holds: I1 (head <= tail <= head + CAP) at each step of each ring whose owner
 * lives; at the end every entry pushed was run, or stands in a ring, in the
 * hand or in the inject queue: exactly once if nobody died, at least once if somebody did.
 */
#define CAP   4
#define HALF  2
#define ITEMS 5
#define READY 4 /* entries that are there at the start */
#define NONE  9

typedef ring {
	byte head, tail;
	byte cells[CAP]
}
ring q[3];                   /* 0: the owner's; 1, 2: the thieves' */
byte inject[ITEMS + 1];      /* how many hints at each entry stand there */
byte ran[ITEMS + 1];         /* how often each was taken to be run */
byte hand[2], left;          /* the owner's; the last one is next */
bool pushed[ITEMS + 1];      /* ghost: its push was committed */
bool done[3], dead[3], recovered;
byte killed = NONE;

#define I1(r) assert(q[r].head <= q[r].tail && q[r].tail <= q[r].head + CAP)

/*
 * A step (one atomic statement, or a d_step) touches one word that others write;
 * a process's own words are read with it.
 *
 * bh_inject_push() of two entries; inject.pml looks inside.
 */
inline to_inject(a, b)
{
	d_step { inject[a]++; inject[b]++ }
}

inline overflow()
{
	d_step { t = q[0].tail; h = q[0].head }
	if
	:: t - h < CAP -> skip
	:: else ->
		d_step {
			out[0] = q[0].cells[(h + HALF) % CAP];
			out[1] = q[0].cells[(h + HALF + 1) % CAP]
		}
#ifdef MUTATE_BLIND_DROP /* move tail down, wherever head is by now */
		to_inject(out[0], out[1]);
		d_step {
			q[0].tail = q[0].tail - HALF;
			I1(0)
		}
#else
#ifdef MUTATE_BLIND_TAKE /* a store where the CAS should be */
		atomic { q[0].head = t; cas = true }
#else
		d_step {
			cas = q[0].head == h;
			if :: cas -> q[0].head = t :: else fi;
			I1(0)
		}
#endif
		if
		:: cas ->
			d_step { q[0].tail = t + HALF; I1(0); t = 0; h = 0 }
			to_inject(out[0], out[1]);
			d_step { out[0] = 0; out[1] = 0 }
		:: else
		fi
#endif
	fi
}

proctype owner()
{
	byte item = READY + 1, pops = 1, t, h, out[2];
	bool cas;
	{
		do
		:: item <= ITEMS ->
			d_step { t = q[0].tail; h = q[0].head }
			if
			:: t - h >= CAP -> overflow()
			:: else ->
				q[0].cells[t % CAP] = item;
				d_step { q[0].tail = t + 1; pushed[item] = true; I1(0); item++; t = 0; h = 0 }
			fi
		:: pops > 0 && !left -> /* bh_batch_fill(): one or two; bh_runq_pop(): one */
			d_step {
				pops--;
				t = q[0].tail;
				h = q[0].head;
				hand[0] = q[0].cells[h % CAP];
				out[0] = 1;
				cas = false
			}
			if
			:: h + 1 < t ->
				d_step {
					hand[1] = hand[0];
					hand[0] = q[0].cells[(h + 1) % CAP];
					out[0] = 2
				}
			:: skip
			fi;
			d_step {
				cas = h < t && q[0].head == h;
				if :: cas -> q[0].head = h + out[0] :: else fi
			}
			d_step {
				if :: cas -> left = out[0] :: else fi;
				t = 0; h = 0; out[0] = 0
			}
		:: left -> /* bh_batch_next() */
			d_step { left--; ran[hand[left]]++ }
		:: item > ITEMS && !left -> break
		od;
		skip;
		d_step { done[0] = true; t = 0; h = 0; cas = false }
	} unless { dead[0] }
}

bool begun; /* thieves are alike: the second begins after the first */

proctype thief(byte me)
{
	byte turns = 1, t, h, t0, take, i, last;
	bool cas;
	{
		do
		:: turns > 0 ->
			atomic {
				me == 1 || begun || dead[1];
				begun = true;
				turns--;
				t0 = q[me].tail;
				h = q[0].head
			}
			t = q[0].tail;
			if
			:: t <= h || t - h > CAP -> skip
			:: else ->
				d_step { take = (t - h) - (t - h) / 2; i = 0 }
#ifdef MUTATE_COMMIT_FIRST /* take, then copy */
				d_step {
					cas = q[0].head == h;
					if :: cas -> q[0].head = h + take :: else fi
				}
#endif
				do
				:: i < take ->
					d_step {
						last = q[0].cells[(h + i) % CAP];
						q[me].cells[(t0 + i) % CAP] = last;
						i++
					}
				:: else -> break
				od;
				skip;
#ifndef MUTATE_COMMIT_FIRST
#ifdef MUTATE_BLIND_STEAL /* a store where the CAS should be */
				atomic { q[0].head = h + take; cas = true }
#else
				d_step {
					cas = q[0].head == h;
					if :: cas -> q[0].head = h + take :: else fi
				}
#endif
#endif
				if
				:: cas ->
					d_step { q[me].tail = t0 + take - 1; I1(me) }
					ran[last]++;
					/* What it keeps it pops later: nobody else is in its ring. */
				:: else
				fi
			fi
		:: else -> break
		od;
		skip;
		d_step { done[me] = true; t = 0; h = 0; t0 = 0; take = 0; i = 0; last = 0; cas = false }
	} unless { dead[me] }
}

/* Kills one, or nobody; then recover_queues(). */
proctype kernel()
{
	byte i, c;

	atomic {
		if
		:: done[0] && done[1] && done[2]
		:: !done[0] -> killed = 0; dead[0] = true
		:: !done[1] -> killed = 1; dead[1] = true
		fi
	}
	if
	:: killed == NONE
	:: else ->
		d_step { /* look at every cell, then forget it */
			i = 0;
			do
			:: i < CAP ->
				c = q[killed].cells[i];
				q[killed].cells[i] = 0;
#ifdef MUTATE_LOOK_BETWEEN /* only between head and tail */
				if
				:: (i + 3 * CAP - q[killed].head) % CAP <
						q[killed].tail - q[killed].head -> skip
				:: else -> c = 0
				fi;
#endif
				if :: c -> inject[c]++ :: else fi;
				i++
			:: else -> break
			od;
			i = 0;
			c = 0;
#ifndef MUTATE_FORGET_HAND
			if
			:: killed == 0 ->
				if :: hand[0] -> inject[hand[0]]++ :: else fi;
				if :: hand[1] -> inject[hand[1]]++ :: else fi
			:: else
			fi;
#endif
			skip
		}
		d_step { /* a thief that read the old head must fail */
			if
			:: q[killed].tail > q[killed].head -> q[killed].head = q[killed].tail
			:: else -> q[killed].tail = q[killed].head
			fi
		}
	fi;
	recovered = true
}

inline count(item)
{
	n = ran[item] + inject[item];
	r = 0;
	do
	:: r < 3 ->
		p = q[r].head;
		do
		:: p < q[r].tail ->
			if :: q[r].cells[p % CAP] == item -> n++ :: else fi;
			p++
		:: else -> break
		od;
		r++
	:: else -> break
	od
}

init
{
	byte k = 1, n, r, p;

	d_step {
		do
		:: k <= READY ->
			q[0].cells[k - 1] = k;
			pushed[k] = true;
			k++
		:: else -> break
		od;
		q[0].tail = READY;
		k = 1
	}
	atomic { run owner(); run thief(1); run thief(2); run kernel() }
	recovered && (done[0] || dead[0]) && (done[1] || dead[1]) && (done[2] || dead[2]);
	d_step {
		do
		:: k <= ITEMS ->
			count(k);
			if
			:: !pushed[k] -> skip /* its waker's journal names it: task.pml */
			:: pushed[k] && killed == NONE -> assert(n == 1)
			:: else -> assert(n >= 1)
			fi;
			k++
		:: else -> break
		od
	}
}
