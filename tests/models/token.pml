/* SPDX-License-Identifier: MIT */
/*
 * token.pml: ipc/protocol/token.h: a token with one cell, a child token in the crowd, two
 * tasks that wait for the child, one that cancels the root and may be killed at any
 * step, and the recovery that follows its death.
 *
 * Holds: when nobody has anything left to do, either the flag was never set, or the
 * child is canceled and no task sleeps.
 */
#define ROOT  0
#define CHILD 1
#define NOBODY 255

bool canceled[2], crowded[2];
byte cell[2] = NOBODY;       /* who is to be told: a task, or (of the root) the child */
bool listens[2];             /* the tasks' BH_TASK_LISTENS */
bool sleeps[2], notified[2]; /* the tasks' state words */
byte journal = NOBODY;
bool dead;

inline wake(t)
{
	d_step {
		if
		:: sleeps[t] -> sleeps[t] = false
		:: else -> notified[t] = true
		fi
	}
}

/* bh_token_join() by task _pid's number @t. */
inline join_token(t)
{
#ifndef MUTATE_LISTEN_LATE
	listens[t] = true;
#endif
	if
	:: d_step { cell[CHILD] == NOBODY -> cell[CHILD] = t }
	:: d_step { cell[CHILD] != NOBODY -> crowded[CHILD] = true }
	fi
}

proctype task(byte t)
{
#ifdef MUTATE_LOOK_FIRST
	bool was = canceled[CHILD];
	join_token(t);
	if
	:: was -> goto done
	:: else
	fi;
#else
	join_token(t);
#endif
	do
#ifndef MUTATE_LOOK_FIRST
	:: canceled[CHILD] -> break
	:: !canceled[CHILD] ->
#else
	:: true ->
#endif
#ifdef MUTATE_LISTEN_LATE
		listens[t] = true;
#endif
		/* bh_state_suspend(): not if it was woken meanwhile. */
		d_step {
			if
			:: notified[t] -> notified[t] = false
			:: else -> sleeps[t] = true
			fi
		}
end_asleep:	!sleeps[t];
		if
		:: canceled[CHILD] -> break
		:: else
		fi
	od;
done:
	skip
}

/* bh_token_tell() of the child. */
inline tell_child()
{
	if
	:: cell[CHILD] != NOBODY -> wake(cell[CHILD])
	:: cell[CHILD] == NOBODY
	fi;
	if
	:: crowded[CHILD] ->
		if
		:: listens[0] -> wake(0)
		:: !listens[0]
		fi;
		if
		:: listens[1] -> wake(1)
		:: !listens[1]
		fi
	:: !crowded[CHILD]
	fi
}

/* bh_token_tell() of the root. */
inline tell_root(anew)
{
	if
	:: cell[ROOT] == CHILD ->
		if
		:: d_step { !canceled[CHILD] -> canceled[CHILD] = true }
			tell_child()
		:: canceled[CHILD] ->
			if
			:: anew -> tell_child()
			:: else
			fi
		fi
	:: cell[ROOT] != CHILD
	fi
}

/* The child's maker: links it, then looks whether it comes too late. */
proctype maker()
{
#ifdef MUTATE_LINK_BLIND
	cell[ROOT] = CHILD
#else
	cell[ROOT] = CHILD;
	if
	:: canceled[ROOT] ->
		if
		:: d_step { !canceled[CHILD] -> canceled[CHILD] = true }
			tell_child()
		:: canceled[CHILD]
		fi
	:: !canceled[ROOT]
	fi
#endif
}

proctype canceler()
{
	{
#ifndef MUTATE_NO_JOURNAL
		journal = ROOT;
#endif
#ifdef MUTATE_TELL_FIRST
		tell_root(false);
		canceled[ROOT] = true;
#else
		canceled[ROOT] = true;
		tell_root(false);
#endif
		journal = NOBODY
	} unless {
		dead
	};
	/* bh_recover_journal_token(), once the death is confirmed. */
	if
	:: dead && journal == ROOT ->
		if
#ifdef MUTATE_NOT_ANEW
		:: canceled[ROOT] -> tell_root(false)
#else
		:: canceled[ROOT] -> tell_root(true)
#endif
		:: !canceled[ROOT]
		fi
	:: !dead || journal != ROOT
	fi
}

proctype killer()
{
	if
	:: dead = true
	:: skip
	fi
}

/* Everybody stands still: at the end, or asleep for ever. */
proctype judge()
{
	timeout;
	assert(!canceled[ROOT] || (canceled[CHILD] && !sleeps[0] && !sleeps[1]))
}

init
{
	atomic {
		run task(0);
		run task(1);
		run maker();
		run canceler();
		run killer();
		run judge()
	}
}
