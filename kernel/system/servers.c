/* SPDX-License-Identifier: MIT */
/*
 * servers.c: admind and traced: processes that look at the system and on which
 * nothing depends. They are started again whenever they end.
 */
#include "kernel/system/servers.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc/base/out.h"
#include "ipc/base/refused.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/text.h"
#include "kernel/base/watch.h"
#include "kernel/failure/backoff.h"
#include "kernel/failure/crash.h"
#include "kernel/failure/facts.h"
#include "kernel/failure/fail.h"
#include "kernel/process/exec.h"
#include "kernel/process/lifeline.h"
#include "kernel/process/request.h"
#include "kernel/process/spawn.h"
#include "kernel/process/table.h"
#include "kernel/process/wire.h"

enum {
	HEALTHY_MS = 1000,
	BACKOFF_MIN_MS = 100,
	BACKOFF_MAX_MS = 5000,
	START_TRIES = 3, /* of admind, while the system starts */
	RETRY_MS = 10,   /* when a server does not read its messages */
};

static int open_read_only(int fd)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int server_main(struct bh_child *c, int ctl)
{
	const struct bh_kernel *k = c->k;
	const struct bh_plan *plan = k->plan;
	bool admind = c->idx == BH_PROCS_ADMIND;
	/* The plan tells how large the arenas are; it is sealed. */
	int image = admind ? k->images->admind : k->images->traced;
	int fds[] = { BH_PLAN_FD, ctl, open_read_only(k->board_fd), bh_lifeline_join(k->lifeline),
		      image };
	const char *name = admind ? "bulkhead-admind" : "bulkhead-traced";
	char *argv[] = { (char *)(uintptr_t)name, NULL };

	int err = fds[3] < 0 ? fds[3] : image < 0 ? image : bh_exec_fds(fds, 5, true);
	if (!err && admind)
		err = bh_exec_become(plan->unpriv_uid, plan->unpriv_gid, 0, NULL);
	if (!err)
		err = bh_exec_image(3 + 4, argv);
	bh_outf(STDERR_FILENO, "bulkhead: cannot run %s/%s: %s\n", plan->libexec, name,
		strerror(-err));
	return 111;
}

void bh_server_start(struct bh_child *c)
{
	int err = bh_child_start(c, server_main);

	if (err) {
		bh_log("cannot start the %s: %s", bh_kind_of(c)->name, strerror(-err));
		bh_restart_later(c, c->p->failures + 1, BACKOFF_MIN_MS, BACKOFF_MAX_MS);
		return;
	}
	c->life.owed = true;
}

void bh_server_died(struct bh_child *c, int status, bool known)
{
	struct bh_kernel *k = c->k;
	struct bh_proc *p = c->p;
	bool starting = bh_ld_acq(&k->board->system_state) == BH_SYSTEM_STARTING;
	bool healthy = k->now_ns - p->started_ns > HEALTHY_MS * BH_NS_PER_MS;
	uint32_t failures = healthy ? 0 : p->failures + 1;
	struct bh_crash_facts f = {
		.service = UINT32_MAX, .worker = UINT32_MAX, .status = status, .status_known = known
	};
	char text[40];

	if (known && WIFSIGNALED(status))
		bh_crash_record(c, &f);
	else
		bh_log("the %s (pid %d) %s", bh_kind_of(c)->name, p->pid,
		       known ? bh_death_text(status, text) : "died");
	bh_child_forget(c);
	if (c->idx == BH_PROCS_TRACED && known && WIFSIGNALED(status) &&
	    WTERMSIG(status) == SIGSYS) {
		bh_log("no wake-up latencies: a system call of the trace server is refused " BH_REFUSED_BY
		       "; it is not started again");
		bh_st_rel(&p->state, BH_PROC_FREE);
		return;
	}
	if (starting && c->idx == BH_PROCS_ADMIND && failures >= START_TRIES) {
		bh_fail(k, "the admin server does not start: it %s", bh_death_text(status, text));
		return;
	}
	bh_restart_later(c, failures, BACKOFF_MIN_MS, BACKOFF_MAX_MS);
}

/* For the guardian, which removes it. */
static void remember_socket(struct bh_kernel *k)
{
	const char *url = k->plan->admin_url;
	struct stat st;

	if (strncmp(url, "ipc://", 6) || lstat(url + 6, &st))
		return;
	k->board->admin_ino = st.st_ino;
	k->board->admin_served = 1;
}

void bh_server_up(struct bh_child *c)
{
	if (bh_child_state(c) != BH_PROC_STARTING)
		return;
	if (c->p->died_ns)
		c->p->restarts++;
	bh_crash_replaced(c, bh_clock_ns());
	bh_st_rel(&c->p->state, BH_PROC_UP);
	if (c->idx == BH_PROCS_ADMIND)
		remember_socket(c->k);
	bh_system_changed(c->k);
}

void bh_server_page(struct bh_child *c, const struct bh_ctl *m, int *fd)
{
	struct bh_kernel *k = c->k;
	uint32_t old = k->board->trace_page;

	if (m->trace_page.error && bh_child_state(c) == BH_PROC_STARTING)
		bh_log("no wake-up latencies: %s",
		       m->trace_page.why[0] ? m->trace_page.why : strerror(-m->trace_page.error));
	if (*fd < 0)
		return;
	k->board->trace_page = (uint32_t)*fd;
	*fd = (int)old - !old; /* the old one is the caller's to close */
	bh_child_at(k, BH_PROCS_ADMIND)->life.owed = true;
}

static int send_arenas(struct bh_kernel *k, int ctl)
{
	for (uint32_t i = 0; i < k->plan->n_services; i++) {
		const struct bh_board_service *b = &k->board->services[i];
		struct bh_ctl m = { .op = BH_CTL_ARENA, .arena = { i, b->arena_seq } };

		if (!b->arena_memfd)
			continue;
		int fd = open_read_only((int)b->arena_memfd);
		int err = fd < 0 ? -1 : bh_ctl_send(ctl, &m, fd);
		if (fd >= 0)
			close(fd);
		if (err)
			return err;
	}
	return 0;
}

static int send_page(struct bh_kernel *k, int ctl)
{
	struct bh_ctl m = { .op = BH_CTL_TRACE };
	uint32_t page = k->board->trace_page;

	return page ? bh_ctl_send(ctl, &m, (int)page) : 0;
}

void bh_phase_servers(struct bh_kernel *k)
{
	for (uint32_t i = BH_PROCS_ADMIND; i <= BH_PROCS_TRACED; i++) {
		struct bh_child *c = bh_child_at(k, i);
		int err;

		if (!c->life.owed || !bh_child_live(c))
			continue;
		err = send_arenas(k, c->p->ctl);
		if (!err && i == BH_PROCS_ADMIND)
			err = send_page(k, c->p->ctl);
		c->life.owed = err != 0;
		if (err)
			bh_wake_by(k, k->now_ns + RETRY_MS * BH_NS_PER_MS);
	}
}
