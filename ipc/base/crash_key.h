/* SPDX-License-Identifier: MIT */
/*
 * crash_key.h: whom a crash is counted against, in one word, and as text.
 *
 *   0                        nobody in particular: the type of the task
 *   1 to 2^32 - 1            a number of the service's own, as a tenant's
 *   BH_KEY_V4 | address      an IPv4 peer
 *   BH_KEY_UID | uid         the user at the other end of a Unix socket
 *   BH_KEY_LOOPBACK          ::1
 *   the upper half of the    an IPv6 peer: it has all of its /64. Of a link-local one
 *   address                  fe80 and the last 48 bits: its network is everybody's
 *   010... in binary         bh_crash_key(): a hash
 *
 * No two kinds meet: addresses are in use in 2000::/3, fc00::/7 and fe80::/16. A service
 * that makes up other numbers has its tasks shown under a strange name, and no more.
 */
#ifndef BH_IPC_CRASH_KEY_H
#define BH_IPC_CRASH_KEY_H

#include <stddef.h>
#include <stdint.h>

struct sockaddr;

enum {
	BH_KEY_TEXT = 48
};

#define BH_KEY_V4       (4ull << 32)
#define BH_KEY_UID      (5ull << 32)
#define BH_KEY_LOOPBACK (6ull << 32)

/* The key of a peer; 0: an address that has none (a Unix socket's: ask for its user). */
uint64_t bh_crash_key_of(const struct sockaddr *sa, size_t len);

/* The key of @len bytes. */
uint64_t bh_crash_key_hash(const void *bytes, size_t len);

/* For people; "" for 0. */
void bh_crash_key_text(uint64_t key, char text[static BH_KEY_TEXT]);

#endif
