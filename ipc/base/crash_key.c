/* SPDX-License-Identifier: MIT */
#include "ipc/base/crash_key.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define LINK_LOCAL (0xfe80ull << 48)
#define HASH       (2ull << 61)

static uint64_t big_endian(const unsigned char *at, int n)
{
	uint64_t v = 0;

	for (int i = 0; i < n; i++)
		v = v << 8 | at[i];
	return v;
}

static uint64_t of_v6(const struct in6_addr *a)
{
	uint64_t prefix = big_endian(a->s6_addr, 8);

	if (IN6_IS_ADDR_V4MAPPED(a))
		return BH_KEY_V4 | big_endian(a->s6_addr + 12, 4);
	if (IN6_IS_ADDR_LINKLOCAL(a))
		return LINK_LOCAL | big_endian(a->s6_addr + 10, 6);
	return prefix >> 48 ? prefix : BH_KEY_LOOPBACK;
}

uint64_t bh_crash_key_of(const struct sockaddr *sa, size_t len)
{
	struct sockaddr_in a4;
	struct sockaddr_in6 a6;

	if (len >= sizeof(a4) && sa->sa_family == AF_INET) {
		memcpy(&a4, sa, sizeof(a4));
		return BH_KEY_V4 | ntohl(a4.sin_addr.s_addr);
	}
	if (len >= sizeof(a6) && sa->sa_family == AF_INET6) {
		memcpy(&a6, sa, sizeof(a6));
		return of_v6(&a6.sin6_addr);
	}
	return 0;
}

/* FNV-1a, and a last stir for its upper bits. */
uint64_t bh_crash_key_hash(const void *bytes, size_t len)
{
	const unsigned char *at = bytes;
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < len; i++)
		h = (h ^ at[i]) * 0x100000001b3ull;
	h = (h ^ h >> 32) * 0x9e3779b97f4a7c15ull;
	return HASH | h >> 3;
}

static int text_v6(uint64_t key, char *text)
{
	unsigned g[4];

	for (int i = 0; i < 4; i++)
		g[i] = key >> (48 - 16 * i) & 0xffff;
	if (key >> 48 == LINK_LOCAL >> 48)
		return snprintf(text, BH_KEY_TEXT, "fe80::*:%x:%x:%x", g[1], g[2], g[3]);
	return snprintf(text, BH_KEY_TEXT, "%x:%x:%x:%x::/64", g[0], g[1], g[2], g[3]);
}

void bh_crash_key_text(uint64_t key, char text[static BH_KEY_TEXT])
{
	uint64_t kind = key & ~0xffffffffull;
	uint32_t low = (uint32_t)key;

	text[0] = '\0';
	if (key == BH_KEY_LOOPBACK)
		snprintf(text, BH_KEY_TEXT, "::1");
	else if (kind == BH_KEY_V4)
		snprintf(text, BH_KEY_TEXT, "%u.%u.%u.%u", low >> 24, low >> 16 & 255,
			 low >> 8 & 255, low & 255);
	else if (kind == BH_KEY_UID)
		snprintf(text, BH_KEY_TEXT, "uid %u", low);
	else if (key >> 61 == 1 || key >> 57 == 0x7e || key >> 48 == LINK_LOCAL >> 48)
		text_v6(key, text);
	else if (key && !kind)
		snprintf(text, BH_KEY_TEXT, "%u", low);
	else if (key)
		snprintf(text, BH_KEY_TEXT, "0x%llx", (unsigned long long)key);
}
