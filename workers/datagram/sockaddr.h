/* SPDX-License-Identifier: MIT */
/* sockaddr.h: the public form of an address, for the system's calls. */
#ifndef BH_WORKERS_DATAGRAM_SOCKADDR_H
#define BH_WORKERS_DATAGRAM_SOCKADDR_H

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <bulkhead/address.h>

/* For Linux to read and write. Here its bytes are copied instead, for the compiler takes a
 * `raw` for no sockaddr. */
static inline struct sockaddr *bh_sockaddr_of(const struct bh_sockaddr *a)
{
	return (struct sockaddr *)(uintptr_t)a->raw;
}

static inline sa_family_t bh_sockaddr_family(const struct bh_sockaddr *a)
{
	sa_family_t family;

	memcpy(&family, a->raw, sizeof(family));
	return family;
}

/* What a send to @to (NULL: the connected peer) that failed with @error answers. Of a Unix
 * socket that is full no event tells when it has room again, but for the connected one. */
static inline int bh_send_failed(const struct bh_sockaddr *to, int error)
{
	return error == EAGAIN && to && bh_sockaddr_family(to) == AF_UNIX ? -EBUSY : -error;
}

#endif
