/* SPDX-License-Identifier: MIT */
/*
 * incoming.h: descriptors whose numbers Linux stores before they exist: those that are
 * received, and a pipe's. It stores them in the worker's journal, so that at no instruction
 * one is open that nobody knows of:
 *
 *   in the journal, and not noted     the kernel has the zygote close it (ipc/protocol/files.h)
 *   noted as opened by the task       closed if that crashes
 *   in an I/O slot                    the slot's
 */
#ifndef BH_WORKERS_OWNED_INCOMING_H
#define BH_WORKERS_OWNED_INCOMING_H

#include <sys/socket.h>

#include "workers/base/rt.h"

/* The two numbers, for pipe2(). */
static inline int *bh_incoming_pair(void)
{
	return (int *)(uintptr_t)bh_rt.me->journal.incoming.fd;
}

/* Room for one number, as what comes beside a message. */
static inline void bh_incoming_one(struct msghdr *m)
{
	m->msg_control = &bh_rt.me->journal.incoming;
	m->msg_controllen = CMSG_LEN(sizeof(int)); /* CMSG_SPACE() were room for two */
}

/* What came as number @i (0 or 1) is noted as opened by the running task: its number, or -1.
 * Commit: the store in the note; until then the journal names it. */
int bh_incoming_take(int i);

/* Makes @fd, which the running task is noted to have opened, a bh_io; or closes it. */
int bh_incoming_adopt(bh_io *out, int fd);

/* Closes it. */
void bh_incoming_drop(int fd);

#endif
