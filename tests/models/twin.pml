/* SPDX-License-Identifier: MIT */
/*
 * twin.pml: a service's zygote and its twin (kernel/worker/zygote.c,
 * kernel/worker/twin.c, workers/process/zygote.c):
 * one of the two is killed at any step, and again once there is another twin; the
 * kernel is killed once. A process made for request e is process e, and has
 * control socket e.
 *
 * Holds: the service is never reset; no worker is made twice in one epoch; and
 * when nothing moves any more, the kernel knows each process that lives, a zygote,
 * a twin and a worker.
 */
#define KILLS  2
#define EPOCHS 7 /* zygotes: 0 is none, 1 the first */

mtype = { FREE, STARTING, UP };

/* control sockets: what is asked, and what is answered */
mtype = { TWIN, ASK, NONE, WORKER };
chan asked[EPOCHS] = [4] of { mtype, byte };
chan told[EPOCHS] = [4] of { mtype, byte };
bool closed[EPOCHS]; /* the kernel's end */

/* the board */
byte zygote = 1, twin;              /* which process; 0: not known */
mtype twin_state = FREE, worker_state = STARTING;
byte twin_epoch = 1, worker_epoch = 1;
bool worker_known;

/* the arena */
byte clone_epoch, clone_pid;        /* struct bh_clones */
byte word_epoch = 1;                /* the worker's slot */
bool word_up;

bool alive[EPOCHS], kernel_dead, kernel_gone;
byte made[EPOCHS], workers;         /* ghosts */

proctype worker_process(byte e)
{
	d_step {
		if
		:: !word_up && word_epoch == e -> word_up = true; workers++
		:: else /* the slot is another incarnation's */
		fi
	}
}

proctype zygote_process(byte me)
{
	byte e;
	{
end_idle:	do
		:: asked[me]?ASK(e) -> /* again: was it made? */
			if
			:: clone_epoch == e && clone_pid -> told[me]!TWIN(e)
			:: else -> told[me]!NONE(e)
			fi
		:: asked[me]?TWIN(e) ->
			clone_pid = 0;
#ifndef MUTATE_LATE_EPOCH
			clone_epoch = e;
#endif
			atomic { /* clone3() */
				alive[e] = true;
#ifndef MUTATE_LATE_PID
				clone_pid = e;
#endif
				run zygote_process(e)
			}
#ifdef MUTATE_LATE_PID /* stored by the zygote, not by Linux */
			clone_pid = e;
#endif
#ifdef MUTATE_LATE_EPOCH
			clone_epoch = e;
#endif
			told[me]!TWIN(e)
		:: asked[me]?WORKER(e) ->
			atomic {
				made[e]++;
				assert(made[e] == 1);
				run worker_process(e)
			}
			told[me]!WORKER(e)
		:: closed[me] && empty(asked[me]) -> alive[me] = false
		od
	} unless { !alive[me] }
}

/* bh_twin_start() */
inline twin_start()
{
	d_step { /* bh_child_forget(), a new epoch, STARTING */
		closed[twin_epoch] = closed[twin_epoch] || twin_epoch != zygote;
		twin = 0;
		twin_state = STARTING;
		twin_epoch++
	}
	asked[zygote]!TWIN(twin_epoch)
}

/* bh_twin_adopt() */
inline twin_adopt()
{
#ifdef MUTATE_NO_ADOPT
	skip
#else
	d_step {
		if
		:: twin_state == STARTING && twin == 0 && clone_epoch == twin_epoch &&
		   alive[clone_pid] ->
			twin = clone_pid;
			twin_state = UP
		:: else
		fi
	}
#endif
}

/* bh_worker_bump(), bh_worker_ask() */
inline worker_ask_again()
{
	if
	:: worker_state == STARTING && !worker_known ->
#ifndef MUTATE_SAME_EPOCH
		d_step {
#ifdef MUTATE_BLIND_BUMP
			if
			:: word_epoch = worker_epoch + 1; word_up = false
			fi
#else
			if
			:: word_up && word_epoch == worker_epoch -> worker_known = true
			:: else -> word_epoch = worker_epoch + 1
			fi
#endif
		}
#endif
		if
		:: !worker_known ->
			worker_epoch = word_epoch;
			asked[zygote]!WORKER(worker_epoch)
		:: else
		fi
	:: else
	fi
}

/* One message: acted upon, then taken off. */
inline handle()
{
	d_step {
		if
		:: told[zygote]?<TWIN,e> ->
			if
			:: twin_state == STARTING && twin == 0 && e == twin_epoch ->
				twin = e;
				twin_state = UP
			:: else
			fi
		:: told[zygote]?<NONE,e> ->
			if
			:: twin_state == STARTING && twin == 0 && e == twin_epoch ->
				twin_state = FREE
			:: else
			fi
		:: told[zygote]?<WORKER,e> ->
			worker_known = worker_known || (worker_state == STARTING && e == worker_epoch)
		fi;
		e = 0
	}
	d_step { told[zygote]?_,_ }
}

inline drain()
{
	do
	:: nempty(told[zygote]) -> handle()
	:: empty(told[zygote]) -> break
	od
}

/* bh_zygote_died(): the twin takes over */
inline take_over()
{
	drain();
	twin_adopt();
	assert(twin_state == UP && alive[twin]); /* else the service is reset */
	d_step {
		closed[zygote] = true;
		zygote = twin;
		twin = 0;
		twin_state = FREE
	}
	worker_ask_again();
	twin_start()
}

proctype kernel()
{
	byte e;
end_dead:
	{
		/* bh_kernel_attach() */
		drain();
		if
		:: alive[zygote] ->
			worker_ask_again();
			twin_adopt();
			if
#ifndef MUTATE_ABANDON
			:: twin == 0 && twin_state == STARTING -> asked[zygote]!ASK(twin_epoch)
			:: twin == 0 && twin_state == FREE -> twin_start()
#else
			:: twin == 0 -> twin_start()
#endif
			:: else
			fi
		:: else
		fi;
end_idle:	do
		:: alive[zygote] && nempty(told[zygote]) -> handle()
		:: !alive[zygote] -> take_over()
		:: alive[zygote] && twin && !alive[twin] -> twin_start()
		:: alive[zygote] && twin_state == FREE -> twin_start()
		:: worker_state == STARTING && worker_known && word_up &&
		   word_epoch == worker_epoch -> worker_state = UP
		od
	} unless { atomic { kernel_dead -> kernel_gone = true; e = 0 } };
	atomic { kernel_gone -> kernel_dead = false; kernel_gone = false; goto end_dead }
}

/* One of the pair at a time; whoever is cloned is there, told of or not. */
proctype killer()
{
	byte kills = KILLS;
	bool kernel_too = true;

end_idle:	do
	:: atomic { kills && zygote != twin_epoch && alive[zygote] && alive[twin_epoch] ->
		kills--;
		if
		:: alive[zygote] = false
		:: alive[twin_epoch] = false
		fi }
	:: atomic { kernel_too -> kernel_too = false; kernel_dead = true }
	:: kills = 0; break
	od
}

init
{
	byte i, n;

	atomic { alive[1] = true; run zygote_process(1); run kernel(); run killer() }
	timeout;
	d_step {
		do
		:: i < EPOCHS -> n = n + alive[i]; i++
		:: else -> break
		od;
		assert(alive[zygote] && twin_state == UP && alive[twin] && n == 2);
		assert(worker_state == UP && workers == 1)
	}
}
