/* SPDX-License-Identifier: MIT */
/*
 * lease.pml: ipc/queue/lease.h, ipc/protocol/ready.h and kernel/reactor/epoll.c: sockets whose edges are
 * taken from epoll by a worker that has the lease, or by the kernel when nobody
 * looks, and become marks and wake-ups.
 *
 * Holds: when nothing moves any more, no task waits for a socket that has data. In
 * one part of the runs a worker or the kernel is killed at any step and recovered;
 * in another, a worker never comes back from user code; in a third, one that sleeps
 * in epoll_wait never wakes up (stopped, or starved).
 *
 * Left to idle.pml: whom a queued task wakes. Here, whoever sleeps on its futex sees
 * the queue, and whoever sleeps in epoll_wait is kicked.
 */
#define WORKERS 2
#define SOCKETS 2 /* socket s is read by task s */
#define KERNEL  WORKERS
#define NOBODY  9

mtype = { TURN, RUN, READ, WAIT, ASLEEP, LEASED, MARK, WAKE, GIVE, GONE, ARMED, WATCHING, TAKE, ARM };

bool data[SOCKETS], edge[SOCKETS], ready[SOCKETS], waiting[SOCKETS], queued[SOCKETS];
bool kick;           /* an edge of the eventfd in the epoll instance */
byte lease = NOBODY;
bool changed;        /* the word of the lease has, since the kernel compared it */
bool armed = true, bell; /* the nested registration, and what it has told */
bool dead[WORKERS + 1], gone[WORKERS + 1];
bool hog, stopped;   /* one worker is yet to get stuck */

#define ANY_EDGE   (edge[0] || edge[1])
#define ANY_QUEUED (queued[0] || queued[1])

/* epoll_wait(): what this process was given is known to it alone. */
#define TAKE_EDGES \
	h0 = edge[0]; h1 = edge[1]; edge[0] = false; edge[1] = false

/* of the eventfd; the kernel's nested instance hears it, too */
#define KICK	kick = true; bell = bell || armed

/* bh_ready_event(), a step for the mark and one for the wake-up; then @then */
#define MARKS(then)                                                           \
	:: d_step { pc == MARK ->                                             \
		if                                                            \
		:: h0 -> ready[0] = true; s = 0; pc = WAKE                    \
		:: !h0 && h1 -> ready[1] = true; s = 1; pc = WAKE             \
		:: else -> pc = then                                          \
		fi }                                                          \
	:: d_step { pc == WAKE ->                                             \
		if                                                            \
		:: waiting[s] ->                                              \
			queued[s] = true; waiting[s] = false;                 \
			if :: lease != NOBODY -> KICK :: else fi              \
		:: else                                                       \
		fi;                                                           \
		if :: s == 0 -> h0 = false :: else -> h1 = false fi;          \
		s = 0; pc = MARK }

#ifdef MUTATE_GIVE_FIRST
#define AFTER_TAKE GIVE
#define AFTER_MARK TURN
#define AFTER_GIVE MARK
#else
#define AFTER_TAKE MARK
#define AFTER_MARK GIVE
#define AFTER_GIVE TURN
#endif

proctype worker(byte me)
{
	mtype pc = TURN;
	byte s;
	bool h0, h1;
	byte task = NOBODY;
end_dead:
	{
end_idle:	do
		:: d_step { pc == TURN ->
			if
			:: queued[0] -> queued[0] = false; task = 0; pc = RUN
			:: !queued[0] && queued[1] -> queued[1] = false; task = 1; pc = RUN
			:: !ANY_QUEUED && lease == NOBODY -> lease = me; changed = true; pc = LEASED
			:: else -> pc = ASLEEP
			fi }
		:: d_step { pc == ASLEEP && ANY_QUEUED -> pc = TURN }
		/* sleeps in epoll_wait, until events or a kick; or looks, without waiting */
		:: d_step { pc == LEASED && stopped -> stopped = false; pc = GONE }
		:: d_step { pc == LEASED && (ANY_EDGE || kick) -> TAKE_EDGES; kick = false; pc = AFTER_TAKE }
		MARKS(AFTER_MARK)
		:: d_step { pc == GIVE -> lease = NOBODY; changed = true; pc = AFTER_GIVE }
		/* the task: clears the mark, reads, and waits if there was nothing */
		:: d_step { pc == RUN && hog -> hog = false; pc = GONE }
#ifdef MUTATE_CLEAR_AFTER
		:: d_step { pc == RUN -> pc = (data[task] -> RUN : READ); data[task] = false }
		:: d_step { pc == READ -> ready[task] = false; pc = WAIT }
#else
		:: d_step { pc == RUN -> ready[task] = false; pc = READ }
		:: d_step { pc == READ -> pc = (data[task] -> RUN : WAIT); data[task] = false }
#endif
		:: d_step { pc == WAIT && ready[task] -> pc = RUN }
		:: d_step { pc == WAIT && !ready[task] -> waiting[task] = true; task = NOBODY; pc = TURN }
		od
	} unless { atomic { dead[me] ->
		/* its task has crashed, and the socket is closed */
		if :: task != NOBODY -> data[task] = false; edge[task] = false :: else fi;
		gone[me] = true; pc = TURN; s = 0; h0 = false; h1 = false; task = NOBODY } };
	atomic { !gone[me] -> goto end_idle }
}

/* In state ARMED only a bell wakes it; in WATCHING a millisecond may pass. */
proctype kernel()
{
	mtype pc = ARMED;
	byte s;
	bool h0, h1, kicked;
end_dead:
	{
end_idle:	do
		:: d_step { pc == ARMED && bell ->
			bell = false;
			if
			:: changed || lease != NOBODY -> armed = false; pc = WATCHING
			:: else -> pc = TAKE
			fi;
			changed = false }
		:: d_step { pc == WATCHING ->
			pc = (changed -> WATCHING : TAKE);
#ifdef MUTATE_TRUST_SLEEPER
			pc = (pc == TAKE && lease != NOBODY -> ARMED : pc);
#endif
			changed = false }
		:: d_step { pc == TAKE -> TAKE_EDGES; kicked = kick; kick = false; pc = MARK }
		MARKS(ARM)
		/* what was meant for the sleeper is given back; EPOLL_CTL_MOD finds
		 * what came since */
		:: d_step { pc == ARM ->
#ifndef MUTATE_KEEP_KICK
			if :: kicked && lease != NOBODY -> KICK :: else fi;
#endif
			kicked = false;
#ifdef MUTATE_ARM_BLIND
			bell = false;
#else
			bell = ANY_EDGE || kick;
#endif
			armed = true; pc = ARMED }
		od
	} unless { atomic { dead[KERNEL] ->
		gone[KERNEL] = true;
		pc = ARMED; s = 0; h0 = false; h1 = false; kicked = false; changed = true } };
	atomic { !gone[KERNEL] -> goto end_idle }
}

/* Data comes: an edge, and a bell where it is armed. */
proctype peers(byte n)
{
	do
	:: d_step { n > 0 -> data[0] = true; edge[0] = true; bell = bell || armed; n-- }
	:: d_step { n == 1 -> data[1] = true; edge[1] = true; bell = bell || armed; n-- }
	:: n == 0 -> break
	od
}

/* bh_ready_all() */
inline mark_all()
{
#ifndef MUTATE_MARK_NONE
	d_step { ready[0] = true; queued[0] = queued[0] || waiting[0]; waiting[0] = false; KICK }
	d_step { ready[1] = true; queued[1] = queued[1] || waiting[1]; waiting[1] = false; KICK }
#endif
	skip
}

proctype killer()
{
	byte v;

	if
	:: v = 0 /* as good as any */
	:: v = KERNEL
	:: goto end
	fi;
	dead[v] = true;
	gone[v];
	if
	:: v == KERNEL ->
		/* a new one: its instance is armed, and finds what is there */
		d_step { armed = true; bell = ANY_EDGE || kick }
		mark_all();
		d_step { KICK }
	:: v != KERNEL && lease == v ->
		mark_all();
		d_step { lease = NOBODY; changed = true }
	:: else
	fi;
	d_step { dead[v] = false; gone[v] = false }
end:	skip
}

init
{
	atomic {
		waiting[0] = true;
		waiting[1] = true;
		run worker(0);
		run worker(1);
		run kernel();
		run peers(2);
		if
		:: run killer()
		:: hog = true
		:: stopped = true
		fi
	}
	timeout;
	assert(!(data[0] && waiting[0]) && !(data[1] && waiting[1]))
	assert(!queued[0] && !queued[1])
}
