/* SPDX-License-Identifier: MIT */
/* facts.c: see facts.h. */
#include "kernel/failure/facts.h"

#include <signal.h>
#include <sys/wait.h>

int bh_crash_signal(const struct bh_crash_facts *f)
{
	if (!f->status_known)
		return f->words ? f->words->signal : SIGKILL;
	return WIFSIGNALED(f->status) ? WTERMSIG(f->status) : 0;
}

bool bh_signal_own_fault(int sig)
{
	switch (sig) {
	case 0: /* it called exit() */
	case SIGSEGV:
	case SIGBUS:
	case SIGFPE:
	case SIGILL:
	case SIGABRT:
	case SIGTRAP:
	case SIGSYS:
		return true;
	default:
		return false;
	}
}

bool bh_crash_own_fault(const struct bh_crash_facts *f)
{
	return f->oom || bh_signal_own_fault(bh_crash_signal(f));
}
