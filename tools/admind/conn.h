/* SPDX-License-Identifier: MIT */
/*
 * conn.h: one connection to the admin endpoint, as nng's req sockets make them.
 * The protocol, numbers in network byte order:
 *
 *   greeting, both ways    00 'S' 'P' 00  protocol (2 bytes)  00 00
 *   then messages          01  length (8 bytes)  payload
 *   payload                words of 4 bytes, the last with its highest bit set:
 *                          the request's name, which its reply repeats; then the
 *                          protobuf message
 *
 * A connection reads no further while its reply is unsent, so one client has
 * one request and one reply in memory.
 */
#ifndef BH_ADMIND_CONN_H
#define BH_ADMIND_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/admind/system.h"

enum {
	BH_CONN_WORDS = 8, /* of a request's name: through so many devices less one */
};

enum bh_conn_phase {
	BH_CONN_GREETING,
	BH_CONN_HEAD,
	BH_CONN_PAYLOAD,
	BH_CONN_EXCESS, /* of a message that is too large: read, to answer it */
};

struct bh_conn {
	int fd; /* -1: free */
	enum bh_conn_phase phase;
	int64_t used_ns; /* when it was last heard of */
	unsigned char head[9];
	unsigned char *payload; /* malloc'd; of `keep` bytes */
	uint64_t got, need;     /* of the present phase */
	uint64_t length;        /* of the message, as announced */
	size_t keep;
	unsigned char *out; /* malloc'd; NULL: nothing to send */
	size_t out_at, out_bytes;
};

/* Takes @fd, a connected non-blocking stream, and greets. False: it is gone. */
bool bh_conn_open(struct bh_conn *c, int fd, int64_t now_ns);
void bh_conn_close(struct bh_conn *c);

/* Reads, answers and sends as far as possible without waiting. False: close the connection
 * (the client hung up, or broke the protocol, which has been logged). */
bool bh_conn_serve(struct bh_conn *c, const struct bh_system *s, int ctl, int64_t now_ns);

#endif
