/* SPDX-License-Identifier: MIT */
/* reactor.h: epoll, by the worker itself. */
#ifndef BH_WORKERS_EXECUTOR_REACTOR_H
#define BH_WORKERS_EXECUTOR_REACTOR_H

#include "workers/base/rt.h"

/* A busy worker looks once at the instance whose turn it is, unless another one does. */
void bh_reactor_poll(void);

/* An idle one takes a lease to sleep in epoll_wait (bh_rt.leased). False: somebody has
 * each of them, or there is no epoll instance. */
bool bh_reactor_lease(void);
void bh_reactor_unlease(void);

/* Parked, with a lease: sleeps until events have woken tasks or it is unparked,
 * and gives the lease back. */
void bh_reactor_sleep(void);

#endif
