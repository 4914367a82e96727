/* SPDX-License-Identifier: MIT */
/* ioslot.h: I/O slots, which tasks own (ioslot.c). */
#ifndef BH_WORKERS_OWNED_IOSLOT_H
#define BH_WORKERS_OWNED_IOSLOT_H

#include <sys/socket.h>

#include "workers/base/rt.h"

/* The slot that @io names, if it is the running task's. */
int bh_io_of(bh_io io, struct bh_ioslot **out);

/* Takes a slot for the running task and registers @fd with the service's epoll
 * instance. On error @fd is still the caller's. Commit: the CAS on the owner. */
int bh_io_open(int fd, enum bh_io_kind kind, bh_io *out);

/* False: somebody closed the slot's descriptor by a system call of his own, and its
 * number is another's by now. */
bool bh_io_is_own(const struct bh_ioslot *s);

/* True if there is a free slot. Another worker may take it. */
bool bh_io_room(void);

/* From the moment a descriptor may exist until a slot names it, the journal says so. */
void bh_io_making(bool on);

/* bh_io_open() of @fd, which is closed if that fails; or the error that it is. */
int bh_io_keep(int fd, enum bh_io_kind kind, bh_io *out);

/* The crash key of who is at the other end of @io; 0: not known, or not ours. */
uint64_t bh_io_peer(bh_io io);

/* Of the connection on @fd, whose peer's address is @sa. A Unix socket's peer has none of
 * its own, but a user. */
uint64_t bh_io_key(int fd, const struct sockaddr *sa, socklen_t len);

/* Closes every I/O slot in the list of @t. */
void bh_ios_release(struct bh_tcb *t, uint64_t owner);

/* Moves I/O slot handle @io from the running task to @to, a task that it holds
 * in RESERVED with handle @owner. -BH_ESTALE: not the caller's. Commit: the
 * store of the slot's owner word; until then it is the caller's. */
int bh_io_give(bh_io io, struct bh_tcb *to, uint64_t owner);

#endif
