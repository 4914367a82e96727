/* SPDX-License-Identifier: MIT */
/*
 * crash_key.h: the party that a crash is counted against, in one word, and as text.
 *
 *   0                        no party: the type of the task alone
 *   1 to 2^32 - 1            a number of the service's own, as a tenant's
 *   BH_KEY_V4 | address      an IPv4 peer
 *   BH_KEY_UID | uid         the user at the other end of a Unix socket
 *   BH_KEY_LOOPBACK          ::1
 *   the upper half of the    an IPv6 peer, which has all of its /64. A link-local peer:
 *   address                  fe80 and the last 48 bits, for all share its network
 *   010... in binary         bh_crash_key(): a hash
 *
 * No two kinds meet: addresses are in use in 2000::/3, fc00::/7 and fe80::/16. If a service
 * makes up other numbers, its tasks are shown under a strange name; no other harm.
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

/* The key of a peer; 0: the address has no key (a Unix socket: ask for its user). */
uint64_t bh_crash_key_of(const struct sockaddr *sa, size_t len);

/* The key of @len bytes. */
uint64_t bh_crash_key_hash(const void *bytes, size_t len);

/* For people; "" for 0. */
void bh_crash_key_text(uint64_t key, char text[static BH_KEY_TEXT]);

#endif
