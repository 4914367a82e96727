/* SPDX-License-Identifier: MIT */
/*
 * address.h: addresses of sockets as they come with each message (datagram.h). All other
 * calls take text: "HOST:PORT" (a numeric host), "[V6]:PORT", "unix:/PATH", or "unix:@NAME"
 * (abstract: no file).
 */
#ifndef BULKHEAD_ADDRESS_H
#define BULKHEAD_ADDRESS_H

#include <bulkhead/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A struct sockaddr of `len` bytes, for calls of the system; 0: none. It may be copied and
 * kept, and means the same in every process. */
struct bh_sockaddr {
	uint64_t raw[16];
	uint32_t len;
};

/* Reads @text. Errors: -EINVAL, -ENAMETOOLONG (more than 107 bytes of path). */
BH_API int bh_sockaddr_parse(const char *text, struct bh_sockaddr *out) BH_NODISCARD;

/* Writes it to @text (@size bytes; BH_ADDRESS_MAX is enough) and returns the length. "unix:"
 * alone is an end without a name. Errors: -ENOSPC (@size), -EAFNOSUPPORT. */
BH_API int bh_sockaddr_text(const struct bh_sockaddr *a, char *text, size_t size);

/* True if both are the same address. */
BH_API int bh_sockaddr_equal(const struct bh_sockaddr *a, const struct bh_sockaddr *b);

#ifdef __cplusplus
}
#endif
#endif
