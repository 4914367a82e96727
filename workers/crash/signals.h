/* SPDX-License-Identifier: MIT */
/*
 * signals.h: what a process of a service does about signals that are meant for the system.
 *
 * A service manager, or a script, sends SIGTERM to all processes at once, and a terminal
 * SIGINT or SIGHUP. Zygotes, workers and processes for jobs stay: the kernel carries out
 * what was asked, and lets them finish. By handlers, not SIG_IGN: what a task executes
 * begins with the default action, and what it forks takes it.
 */
#ifndef BH_WORKERS_CRASH_SIGNALS_H
#define BH_WORKERS_CRASH_SIGNALS_H

#include <signal.h>

/* The calling process stays from now on; what its forks do is up to them, until they call
 * this. An action that is not the default (an init()'s, or nohup's) is left as it is. */
void bh_signals_stay(void);

/* Before a fork of the caller that is to stay: none of these signals comes until the fork
 * has called bh_signals_stay(). @before: the caller's mask, for bh_signals_fork_done(). */
void bh_signals_fork(sigset_t *before);
void bh_signals_fork_done(const sigset_t *before);

#endif
