/* SPDX-License-Identifier: MIT */
/*
 * service.c: one service's arena.
 *
 *   FREE ──start──▶ STARTING ──all workers up──▶ UP
 *                      ▲   │ it fails (start.c)   │ zygote and twin lost, or
 *                      │   ╰───────────────────╮  ▼ garbage in the arena
 *                   BACKOFF ◀──all dead────── DEAD (being ended)
 */
#include "kernel/service/service.h"

#include <errno.h>
#include <sys/eventfd.h>

#include "ipc/system/control.h"
#include "kernel/base/watch.h"
#include "kernel/base/wheel.h"
#include "kernel/process/table.h"
#include "kernel/process/wire.h"
#include "kernel/reactor/epoll.h"
#include "kernel/reactor/timers.h"
#include "kernel/service/hold.h"
#include "kernel/service/shortage.h"

static void close_io(void *ctx, uint32_t idx)
{
	struct bh_ksvc *s = ctx;
	struct bh_ioslot *slot = bh_io_at(&s->v, idx);
	const struct bh_child *z = bh_zygote_child(s, BH_PROC_ZYGOTE);

	if (!slot)
		return;
	struct bh_ctl m = { .op = BH_CTL_CLOSE_IO, .close_io = { idx, bh_ld_acq(&slot->gen) } };
	if (bh_child_state(z) == BH_PROC_UP && !bh_ctl_send(z->p->ctl, &m, -1))
		return;
	/* The slot says CLOSING: it is found again when the zygote listens. */
	if (!s->closing || idx < s->closing_at)
		s->closing_at = idx;
	s->closing = true;
}

int bh_service_open(struct bh_ksvc *s)
{
	struct bh_kernel *k = s->kernel;
	struct bh_layout l;

	bh_layout_from_plan(&l, s->plan);
	int err = bh_view_map(&s->v, &l, (int)s->board->arena_memfd, NULL, true);
	if (err)
		return err;
	err = bh_timers_init(s);
	if (err) {
		bh_view_unmap(&s->v);
		return err;
	}
	s->ops = (struct bh_recover_ops){ .close_io = close_io, .held = bh_held, .ctx = s };
	s->mapped = true;
	s->refused = bh_ld_rlx(&s->v.a->files.refused);
	bh_shortage_begin(s);
	bh_st_rel(&s->v.a->blocking.mark, s->board->blocking_mark);
	err = bh_reactor_open(s);
	if (!err)
		err = bh_watch(k, (int)s->board->doorbell, BH_SRC_DOORBELL, s->id);
	return err;
}

static void drop_arena(struct bh_ksvc *s)
{
	if (s->mapped) {
		bh_wheel_fini(&s->wheel);
		bh_view_unmap(&s->v);
	}
	s->mapped = s->scanning = s->scan_again = s->closing = s->audit = s->files = false;
	s->done = false;
	s->look = (struct bh_kaudit){ 0 };
	s->trim = (struct bh_ktrim){ 0 };
	s->rearm_at = s->ready_at = 0;
	s->were_up = 0;
	bh_reactor_drop(s);
	bh_drop_named(s->kernel, &s->board->arena_memfd);
	bh_drop_named(s->kernel, &s->board->doorbell);
}

int bh_service_make(struct bh_ksvc *s)
{
	struct bh_board_service *b = s->board;
	struct bh_layout l;
	int fd;

	drop_arena(s);
	bh_layout_from_plan(&l, s->plan);
	fd = bh_arena_create(&l, s->plan->name, s->kernel->now_ns);
	if (fd < 0)
		return fd;
	b->arena_memfd = (uint32_t)fd;
	b->arena_bytes = l.bytes;
	if ((fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
		return -errno;
	b->doorbell = (uint32_t)fd;
	if ((fd = bh_reactor_make(s, l.reactors)) < 0)
		return fd;
	b->arena_seq++;
	return bh_service_open(s);
}
