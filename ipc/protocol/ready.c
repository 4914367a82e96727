/* SPDX-License-Identifier: MIT */
#include "ipc/protocol/ready.h"

#include <sys/epoll.h>

#include "ipc/protocol/wake.h"

/* Returns the waiting task, which is to be woken; 0: none. With @again, also when the
 * mark was there: its setter may have been killed before the wake-up. */
static uint32_t mark(struct bh_ioslot *s, int way, uint64_t bits, bool again)
{
	uint64_t old = bh_ld_rlx(&s->ready[way]);

	/* Seen before its owner cleared it, so the owner's attempt is yet to come. */
	if ((old & bits) == bits && !again)
		return 0;
	old = bh_or(&s->ready[way], bits);
	return again || !(old & BH_IO_READY) ? (uint32_t)(old >> 32) : 0;
}

uint32_t bh_ready_event(const struct bh_view *v, uint64_t io, uint32_t events, uint32_t tasks[2])
{
	struct bh_ioslot *s = bh_io_at(v, bh_handle_idx(io));
	uint64_t bits = BH_IO_READY;
	uint32_t n = 0;

	if (!s || bh_ld_acq(&s->gen) != bh_handle_gen(io))
		return 0;
	if (events & (EPOLLRDHUP | EPOLLHUP))
		bits |= BH_IO_CLOSED;
	/* A mark that comes later has an edge of its own; alone it is nothing to read. */
	if (events & EPOLLPRI)
		bits |= BH_IO_URGENT;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		n += (tasks[n] = mark(s, 0, bits, false)) != 0;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		n += (tasks[n] = mark(s, 1, BH_IO_READY, false)) != 0;
	return n;
}

uint32_t bh_ready_step(const struct bh_view *v, uint32_t from, uint32_t n)
{
	uint32_t end = bh_ld_acq(&v->a->io_pool.mark), stop;

	end = end < v->l.ios ? end : v->l.ios;
	stop = end - from < n ? end : from + n;
	for (uint32_t i = from; i < stop; i++) {
		struct bh_ioslot *s = &v->ios[i];
		uint64_t owner = bh_ld_acq(&s->owner);

		if (!owner || owner == BH_IO_CLOSING)
			continue;
		for (int way = 0; way < 2; way++) {
			/* The lost events may have announced urgent data. */
			uint64_t bits = way ? BH_IO_READY : BH_IO_READY | BH_IO_URGENT;
			uint32_t idx = mark(s, way, bits, true);
			if (idx)
				bh_kernel_wake(v, idx, 0, 0);
		}
	}
	return stop < end ? stop : 0;
}
