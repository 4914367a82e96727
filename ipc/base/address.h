/* SPDX-License-Identifier: MIT */
/* address.h: socket addresses and their text, as net.h describes it. */
#ifndef BH_IPC_ADDRESS_H
#define BH_IPC_ADDRESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct bh_address {
	struct sockaddr_storage ss;
	socklen_t len;
};

/* -EINVAL, -ENAMETOOLONG (a path). */
int bh_address_parse(const char *text, struct bh_address *a);

/* The same for addresses to listen at and to connect to: also "seqpacket:" instead of "unix:",
 * and sets *@type (SOCK_STREAM or SOCK_SEQPACKET). */
int bh_address_parse_typed(const char *text, struct bh_address *a, int *type);

/* Returns the text's length without the NUL, or -ENOSPC, -EAFNOSUPPORT. */
int bh_address_text(const struct bh_address *a, char *text, size_t size);

/* A key that tells whether a socket came from a listener: equal for a listener and all
 * sockets that it accepts. A TCP port, or a hash of a Unix name (above all ports); 0: the
 * address has neither. */
uint32_t bh_address_key(const struct bh_address *a);

/* The address that socket @fd is bound to, and the key of it. */
int bh_address_of(int fd, struct bh_address *a);
uint32_t bh_address_key_of(int fd);

/* Binds @fd. A socket file outlives its listener (a killed service removes nothing), so the
 * next listener removes it. */
int bh_address_bind(int fd, const struct bh_address *a);

#endif
