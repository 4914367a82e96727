/* SPDX-License-Identifier: MIT */
/*
 * abort.pml: the abort of a running job (ipc/blocking.h, kernel/blocking.c): its
 * process may end it just then and take the next one, which must not be hit.
 *
 * Holds: the kernel kills the process only while the aborted job is RUNNING in it,
 * or when it is on its way out; and in the end the aborted job is not RUNNING.
 */
mtype = { SCHEDULED, RUNNING, ENDED };

mtype job[2] = SCHEDULED;
bool aborted, told; /* the first job's flag; the kernel was told to look */
bool doomed, leaving, killed;
bool endless; /* the first job does not end by itself */

proctype process()
{
	{
		job[0] = RUNNING;
#ifndef MUTATE_UNASKED
		if
		:: aborted -> goto ended /* before it began */
		:: else
		fi;
#endif
		!endless || killed;
ended:
		job[0] = ENDED;
		/* a fence */
#ifndef MUTATE_DEAF
		if
		:: doomed -> leaving = true
		:: else -> job[1] = RUNNING; job[1] = ENDED
		fi
#else
		job[1] = RUNNING;
		job[1] = ENDED
#endif
	} unless { killed }
}

proctype aborter()
{
	aborted = true;
	told = true
}

inline kill()
{
	atomic { assert(job[1] != RUNNING); killed = true; job[0] = ENDED }
}

proctype kernel()
{
	told;
	if
	:: job[0] == RUNNING && aborted ->
#if defined(MUTATE_BLIND)
		doomed = true;
		kill()
#elif defined(MUTATE_LATE)
		if
		:: job[0] == RUNNING -> doomed = true; kill()
		:: else
		fi
#else
		doomed = true;
		/* a fence */
		if
		:: job[0] == RUNNING -> kill()
		:: else
		fi
#endif
	:: else
	fi
}

init
{
	atomic {
		run process();
		run aborter();
		run kernel();
		if
		:: endless = true
		:: skip
		fi
	}
	timeout;
	assert(job[0] != RUNNING)
}
