/* SPDX-License-Identifier: MIT */
/* watch.h: what wakes the kernel: descriptors, and the time of its next turn. */
#ifndef BH_KERNEL_BASE_WATCH_H
#define BH_KERNEL_BASE_WATCH_H

#include "kernel/base/state.h"

/* What an event of the kernel's epoll instance is about. */
enum bh_source {
	BH_SRC_SIGNAL = 1,
	BH_SRC_DEATHS,   /* the guardian's doorbell */
	BH_SRC_PIDFD,    /* index: in board->procs */
	BH_SRC_CTL,      /* index: in board->procs */
	BH_SRC_DOORBELL, /* index: service */
	BH_SRC_REACTOR,  /* index: service */
};

/* The loop's next turn comes no later than @at_ns. */
static inline void bh_wake_by(struct bh_kernel *k, int64_t at_ns)
{
	if (at_ns < k->wake_ns)
		k->wake_ns = at_ns;
}

/* Adds @fd to the epoll instance, level-triggered. The instance knows a
 * descriptor until bh_unwatch(): closing it is not enough, children may hold
 * copies for a moment. */
int bh_watch(struct bh_kernel *k, int fd, enum bh_source source, uint32_t index);
void bh_unwatch(struct bh_kernel *k, int fd);

/* bh_unwatch() and close(); -1 is fine. */
void bh_drop_fd(struct bh_kernel *k, int fd);

/* The same for the descriptor that @word of the board names; 0 is none. The name goes
 * first: killed before the close, a successor closes what has no name. */
void bh_drop_named(struct bh_kernel *k, uint32_t *word);

#endif
