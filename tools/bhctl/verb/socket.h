/* SPDX-License-Identifier: MIT */
/* socket.h: the two ends of another process's sockets, as Linux lists them in
 * /proc/PID/net. */
#ifndef BH_TOOLS_BHCTL_VERB_SOCKET_H
#define BH_TOOLS_BHCTL_VERB_SOCKET_H

#include <stddef.h>
#include <stdint.h>

struct bh_socket {
	uint64_t inode;
	char local[112], peer[112]; /* address, or path; "": none */
};

/* All sockets of the network that process @pid is in; freed by the caller. NULL: none,
 * or they cannot be read. */
struct bh_socket *bh_sockets(int pid, size_t *n);

/* NULL: not there. */
const struct bh_socket *bh_socket_find(const struct bh_socket *all, size_t n, uint64_t inode);

#endif
