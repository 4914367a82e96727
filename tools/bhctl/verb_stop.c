/* SPDX-License-Identifier: MIT */
/* verb_stop.c: bhctl stop: returns when the system has ended. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bhctl.h"
#include "value.h"

void bh_stop_ask(struct bh_question *q, const struct bh_options *o)
{
	bulkhead__stop_request__init(&q->stop);
	q->stop.now = o->now;
	q->request.verb_case = BULKHEAD__REQUEST__VERB_STOP;
	q->request.stop = &q->stop;
}

/* How long it takes is the system's grace period, which may be any. */
static int wait_for(int pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd < 0 && errno == ESRCH)
		return BH_EXIT_OK;
	while (fd >= 0 && poll(&p, 1, -1) < 0)
		if (errno != EINTR)
			break;
	if (p.revents) {
		close(fd);
		return BH_EXIT_OK;
	}
	fprintf(stderr, "bhctl: the system (pid %d) is stopping; cannot wait for its end: %m\n",
		pid);
	return BH_EXIT_SYSTEM;
}

int bh_stop_show(const Bulkhead__Reply *r)
{
	int code = wait_for(r->stopping->pid);

	if (!code)
		puts("stopped");
	return code;
}

int bh_stop_json(const Bulkhead__Reply *r, struct json_object *o)
{
	int code = wait_for(r->stopping->pid);

	bh_value_int(o, "pid", r->stopping->pid);
	bh_value_bool(o, "stopped", !code);
	return code;
}
