/* SPDX-License-Identifier: MIT */
/* epoll.h: events of sockets that no worker takes. */
#ifndef BH_KERNEL_REACTOR_EPOLL_H
#define BH_KERNEL_REACTOR_EPOLL_H

#include "kernel/base/state.h"

/* Phase: I/O events that no worker takes become ready marks and wake-ups. */
void bh_phase_reactor(struct bh_kernel *k);

/* Makes the epoll instances of a new arena, with their kicks: descriptors on the board.
 * Killed in the middle: bh_reactor_drop() of a successor closes what there is. */
int bh_reactor_make(struct bh_ksvc *s, uint32_t n);
void bh_reactor_drop(struct bh_ksvc *s);

/* Watches what the board names: by every kernel, once the arena is mapped. */
int bh_reactor_open(struct bh_ksvc *s);

/* The epoll instance that source @index is has events. */
void bh_reactor_note(struct bh_kernel *k, uint32_t index);

/* True if @fd is one of the descriptors that bh_reactor_make() put on the board. */
bool bh_reactor_has(const struct bh_ksvc *s, int fd);

/* Begins to mark every I/O slot ready and to wake who waits: edges may have been
 * missed. */
void bh_reactor_wake_all(struct bh_ksvc *s);

/* Some have been, with their taker: the same, from the first slot on, even if that
 * is under way. */
void bh_reactor_lost(struct bh_ksvc *s);

#endif
