/* SPDX-License-Identifier: MIT */
/*
 * lostfds.c: descriptors to close: Linux closes nothing when a worker dies, for others share
 * its table. The zygote, who does too, is told which to close, or asked to find out
 * (ipc/protocol/files.h).
 */
#include "kernel/repair/lostfds.h"

#include <string.h>

#include "ipc/system/control.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/text.h"
#include "kernel/base/watch.h"
#include "kernel/process/table.h"
#include "kernel/process/wire.h"

enum {
	CLOSE_BUDGET = 4096,  /* I/O slots looked at in one turn */
	CLOSE_PAUSE_US = 200, /* between two turns: the workers need the CPU */
	CLOSE_RETRY_MS = 2,
	AUDIT_AGAIN_MS = 500, /* a worker that hangs in an accept may do so for long */
};

/* Descriptors that the zygote was not yet told to close, or a dead one was. */
static void close_ios(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;
	uint32_t mark = bh_ld_acq(&s->v.a->io_pool.mark), end = s->v.l.ios;
	uint32_t at = s->closing_at, n = CLOSE_BUDGET;

	if (mark < end)
		end = mark;
	s->closing = false;
	for (; at < end && n && !s->closing; at++, n--)
		if (bh_ld_acq(&s->v.ios[at].owner) == BH_IO_CLOSING)
			s->ops.close_io(s, at); /* sets `closing` if that cannot be sent */
	if (s->closing) {
		bh_wake_by(k, k->now_ns + CLOSE_RETRY_MS * BH_NS_PER_MS);
	} else if (at < end) {
		s->closing = true;
		s->closing_at = at;
		bh_wake_by(k, k->now_ns + CLOSE_PAUSE_US * 1000);
	}
}

static void close_files(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;
	const struct bh_child *z = bh_zygote_child(s, BH_PROC_ZYGOTE);
	struct bh_ctl m = { .op = BH_CTL_CLOSE_FILES };

	if (bh_child_state(z) == BH_PROC_UP)
		s->files = bh_ctl_send(z->p->ctl, &m, -1) != 0;
	if (s->files)
		bh_wake_by(k, k->now_ns + CLOSE_RETRY_MS * BH_NS_PER_MS);
}

static void who(const struct bh_ksvc *s, uint32_t type, const char *nobody, char out[static 48])
{
	if (type) {
		strcpy(out, "task ");
		bh_type_name(s, type - 1, out + 5);
	} else {
		strcpy(out, nobody);
	}
}

/* Somebody tried to close what is not his: once a second is enough to be told. */
static void tell_refused(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;
	const struct bh_files *f = &s->v.a->files;
	uint64_t n = bh_ld_acq(&f->refused);
	char by[48], of[48];

	if (n == s->refused)
		return;
	if (k->now_ns < s->refused_ns) {
		bh_wake_by(k, s->refused_ns);
		return;
	}
	who(s, bh_ld_rlx(&f->refused_by), "what is no task", by);
	who(s, bh_ld_rlx(&f->refused_of), "the runtime", of);
	bh_log("service %s: %s tried to close descriptor %d, which belongs to %s: refused (EBADF), "
	       "%llu times so far; it closes a number twice, or one that it was not given",
	       s->plan->name, by, bh_ld_rlx(&f->refused_fd), of, (unsigned long long)n);
	s->refused = n;
	s->refused_ns = k->now_ns + BH_NS_PER_S;
}

/* Asked after the replacement of the dead worker, which matters more. */
static void audit(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;
	const struct bh_child *z = bh_zygote_child(s, BH_PROC_ZYGOTE);
	struct bh_ctl m = { .op = BH_CTL_AUDIT_FDS };

	if (k->now_ns < s->audit_ns) {
		bh_wake_by(k, s->audit_ns);
		return;
	}
	if (bh_child_state(z) == BH_PROC_UP)
		s->audit = bh_ctl_send(z->p->ctl, &m, -1) != 0;
	if (s->audit)
		bh_wake_by(k, k->now_ns + CLOSE_RETRY_MS * BH_NS_PER_MS);
}

void bh_audit_again(struct bh_ksvc *s)
{
	s->audit = true;
	s->audit_ns = s->kernel->now_ns + AUDIT_AGAIN_MS * BH_NS_PER_MS;
	bh_wake_by(s->kernel, s->audit_ns);
}

void bh_lostfds_look(struct bh_ksvc *s)
{
	if (s->closing)
		close_ios(s);
	if (s->files)
		close_files(s);
	if (s->audit)
		audit(s);
	tell_refused(s);
}
