/* SPDX-License-Identifier: MIT */
#include "workers/crash/signals.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static const int for_all[] = { SIGTERM, SIGINT, SIGHUP };

static pid_t staying;

/* A child that a task forked has this handler, too, and ends by the signal. */
static void on_signal(int sig)
{
	if (getpid() == staying)
		return;
	signal(sig, SIG_DFL);
	raise(sig);
}

static void all(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < sizeof(for_all) / sizeof(*for_all); i++)
		sigaddset(set, for_all[i]);
}

void bh_signals_fork(sigset_t *before)
{
	sigset_t set;

	all(&set);
	sigprocmask(SIG_BLOCK, &set, before);
}

void bh_signals_fork_done(const sigset_t *before)
{
	sigprocmask(SIG_SETMASK, before, NULL);
}

void bh_signals_stay(void)
{
	struct sigaction stay = { .sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK };
	struct sigaction is;
	sigset_t set;

	staying = getpid();
	for (size_t i = 0; i < sizeof(for_all) / sizeof(*for_all); i++)
		if (!sigaction(for_all[i], NULL, &is) && is.sa_handler == SIG_DFL)
			sigaction(for_all[i], &stay, NULL);
	all(&set);
	/* Whoever forked it left them blocked: none comes before its handler, nor finds the
	 * parent's pid there. */
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}
