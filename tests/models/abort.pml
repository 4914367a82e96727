/* SPDX-License-Identifier: MIT */
/*
 * abort.pml: the abort of a job (ipc/protocol/blocking.h, kernel/worker/pool.c). If it runs, its
 * process may end it just then and take the next one, which must not be hit. If it
 * waits, a worker ends it, while a process or a worker with an old hint takes it.
 *
 * Holds: the kernel kills the process only while the aborted job is RUNNING in it,
 * or when it is on its way out; and in the end the aborted job has ended, although the
 * process may be busy with another one for ever.
 */
mtype = { SCHEDULED, RUNNING, HELD, ENDED }; /* HELD: a worker took it */

mtype job[2] = SCHEDULED;
bool aborted, told; /* the first job's flag; the kernel was told to look */
bool queued = true; /* hints to the first job: where processes look, */
bool offered;       /* and where workers do, an old one, perhaps */
bool doomed, leaving, killed;
bool endless; /* the first job does not end by itself */
bool busy;    /* the process has another one */

proctype process()
{
	{
		skip;
end_idle:	!busy && queued;
		queued = false;
		atomic {
			if
			:: job[0] == SCHEDULED -> job[0] = RUNNING
			:: else -> goto end_idle
			fi
		}
#ifndef MUTATE_UNASKED
		if
		:: aborted -> goto ended /* before it began */
		:: else
		fi;
#endif
end_endless:	!endless || killed;
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

/* bh_task_run(), pass_on() */
proctype worker()
{
end_idle:
	offered;
	offered = false;
	atomic {
		if
		:: job[0] == SCHEDULED -> job[0] = HELD
		:: else -> goto end_idle
		fi
	}
	if
	:: aborted -> job[0] = ENDED
	:: else ->
		job[0] = SCHEDULED;
		if
#ifndef MUTATE_PUT_BACK
		:: aborted -> offered = true
#endif
		:: else -> queued = true
		fi
	fi;
	goto end_idle
}

proctype aborter()
{
	aborted = true;
	if
#ifndef MUTATE_LEAVE_IT
	:: job[0] == SCHEDULED -> offered = true
#endif
	:: else -> told = true
	fi
}

inline kill()
{
	atomic { assert(job[1] != RUNNING); killed = true; job[0] = ENDED }
}

proctype kernel()
{
end_idle:
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
		run worker();
		run aborter();
		run kernel();
		if
		:: endless = true
		:: busy = true
		:: skip
		fi;
		if
		:: offered = true
		:: skip
		fi
	}
	timeout;
	assert(job[0] == ENDED)
}
