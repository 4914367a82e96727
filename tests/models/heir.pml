/* SPDX-License-Identifier: MIT */
/*
 * heir.pml: one worker slot, from a death to the next process in it (kernel/worker/heir.c,
 * kernel/worker/worker.c, ipc/arena/incarnation.h), while two of heir, its successor, zygote and
 * kernel are killed, at any step. One answer of the zygote is that it cannot make a process, or
 * does not say which it made. The process made for epoch e is process e. How a zygote gets a
 * twin is twin.pml's.
 *
 * Holds: no two processes are made for one epoch; the slot is never up without a
 * process; and when nothing moves any more, the slot is up, with the one process that
 * is left.
 */
#define EPOCHS 12
#define KILLS  2

mtype = { STARTING, UP, DEAD, BACKOFF };
mtype = { KNOWN, UNTOLD, FAILED };

chan asked[2] = [6] of { byte };
chan told[2] = [6] of { mtype, byte };

/* the board */
byte zygote;
mtype state = UP;
byte epoch = 1, last = 1, holder = 1; /* last: worker_epoch, of which somebody was asked */

/* the arena */
mtype word = UP;
byte word_epoch = 1, word_pid = 1;

bool alive[EPOCHS], zygote_alive[2] = { true, true };
bool kernel_dead, kernel_gone;
bool adopted; /* no pidfd tells of its death */
byte made[EPOCHS];
bool odd = true; /* one answer that is not as it should be is still to come */

proctype process(byte me)
{
	{
		word_epoch + 1 != me; /* bh_incarnation_take() */
		d_step {
			if
			:: word == STARTING && word_epoch == me -> word = UP; word_pid = me
			:: else -> alive[me] = false
			fi
		}
end_up:		false
	} unless { !alive[me] }
}

proctype zygote_process(byte me)
{
	byte e;
	{
end_idle:	do
		:: asked[me]?e ->
			if
			:: odd -> odd = false; told[me]!FAILED(e)
			:: atomic {
				assert(e < EPOCHS);
				made[e]++;
				assert(made[e] == 1);
				alive[e] = true;
				run process(e) }
				if
				:: told[me]!KNOWN(e)
				:: odd -> odd = false; told[me]!UNTOLD(e)
				fi
			fi
		od
	} unless { !zygote_alive[me] }
}

inline ask()
{
	asked[zygote]!epoch
}

/* bh_worker_bump() */
inline bump()
{
	d_step {
		if
#ifndef MUTATE_PLAIN_BUMP
		:: word == UP && word_epoch == epoch ->
			holder = word_pid;
			adopted = true;
			bumped = false
#endif
		:: else ->
			word = STARTING;
			word_epoch = epoch + 1;
			word_pid = 0;
			bumped = true
		fi
	}
#ifdef MUTATE_SAME_EPOCH
	skip
#else
	if
	:: bumped -> d_step { epoch = epoch + 1; last = epoch }
	:: else
	fi
#endif
}

/* begin() and what follows it in bh_worker_start() */
inline start()
{
	d_step {
		assert(state != UP);
		holder = 0;
		adopted = false;
		epoch = (heir -> heir : last + 1);
		last = epoch
	}
#ifndef MUTATE_WORD_FIRST
	state = STARTING;
#endif
	d_step { word = STARTING; word_epoch = epoch; word_pid = 0 }
#ifdef MUTATE_WORD_FIRST
	state = STARTING;
#endif
	early = heir != 0;
	if
	:: heir && heir_known -> holder = heir
	:: heir && !heir_known
	:: heir == 0 -> ask()
	fi;
	d_step { heir = 0; heir_known = false }
}

/* bh_worker_died(): first it is marked, and an heir asked for */
inline died()
{
	state = DEAD;
#ifdef MUTATE_ASK_FIRST
	asked[zygote]!(epoch + 1);
	last = epoch + 1;
#else
	last = epoch + 1;
	asked[zygote]!last;
#endif
	d_step { heir = last; heir_known = false }
}

inline recover()
{
	d_step { word = DEAD; word_pid = holder }
	d_step { assert(state == DEAD); holder = 0 } /* bh_child_forget() */
	start()
}

/* bh_worker_forked(): one message, acted upon and then taken off */
inline handle()
{
	told[zygote]?<how,e>;
	if
	:: heir && e == heir && !heir_known ->
		d_step {
			heir_known = how == KNOWN;
			heir = (heir_known -> heir : 0)
		}
	:: !(heir && e == heir) && state == STARTING && holder == 0 && e == epoch ->
		if
		:: how == KNOWN -> holder = e
		:: how == FAILED && early -> early = false; ask()
#ifdef MUTATE_IGNORE
		:: how == UNTOLD
#endif
#ifdef MUTATE_TRUST_FAILURE
		:: how == FAILED && !early -> state = BACKOFF
#endif
		:: else -> /* none was made, or nobody can say which */
			bump();
			if
			:: bumped -> state = BACKOFF
			:: else
			fi
		fi
	:: else ->
		d_step {
			if
			:: how == KNOWN && e != holder && e != heir -> alive[e] = false
			:: else
			fi
		}
	fi;
	d_step { told[zygote]?_,_; e = 0; how = 0 }
}

inline drain()
{
	do
	:: nempty(told[zygote]) -> handle()
	:: empty(told[zygote]) -> break
	od
}

inline ask_again()
{
	if
	:: state == STARTING && holder == 0 ->
		bump();
		if
		:: bumped -> ask()
		:: else
		fi
	:: else
	fi
}

#ifdef MUTATE_NEED_STATUS
#define DIED (holder && !adopted && !alive[holder])
#else
#define DIED (holder && !alive[holder])
#endif

proctype kernel()
{
	byte e, heir;
	mtype how;
	bool heir_known, early, bumped;
end_dead:
	{
		/* bh_kernel_attach() */
		drain();
		if
#ifndef MUTATE_NO_START
		:: state == STARTING && holder && word_epoch != epoch ->
			d_step { word = STARTING; word_epoch = epoch; word_pid = 0 }
#endif
		:: state == DEAD && holder == 0 -> state = BACKOFF
		:: else
		fi;
		ask_again();
end_idle:	do
		:: nempty(told[zygote]) -> handle()
		:: DIED && state != DEAD && state != BACKOFF -> died()
		:: DIED && state == DEAD -> recover()
		:: state == BACKOFF -> start()
		:: state == STARTING && holder && word == UP && word_epoch == epoch &&
		   word_pid == holder -> state = UP; assert(holder)
		:: !zygote_alive[zygote] -> /* promote() */
			drain();
#ifndef MUTATE_KEEP_HEIR
			heir = (heir_known -> heir : 0);
#endif
			zygote = 1 - zygote;
			ask_again()
		od
	} unless { atomic { kernel_dead -> kernel_gone = true; e = 0; how = 0; heir = 0;
			    heir_known = false; early = false; bumped = false } };
	atomic { kernel_gone -> kernel_dead = false; kernel_gone = false; goto end_dead }
}

proctype killer()
{
	byte kills = KILLS;

end_idle:	do
	:: atomic { kills -> kills--;
		if
		:: holder && alive[holder] -> alive[holder] = false
		:: last != holder && alive[last] -> alive[last] = false
		:: !kernel_dead -> kernel_dead = true
		:: zygote == 0 -> zygote_alive[0] = false
		fi }
	:: kills = 0; break
	od
}

init
{
	byte i, n;

	atomic {
		made[1] = 1; /* and it is dead */
		run zygote_process(0);
		run zygote_process(1);
		run kernel();
		run killer()
	}
	timeout;
	d_step {
		do
		:: i < EPOCHS -> n = n + alive[i]; i++
		:: else -> break
		od;
		assert(state == UP && holder && alive[holder] && n == 1);
		assert(word == UP && word_epoch == epoch && word_pid == holder)
	}
}
