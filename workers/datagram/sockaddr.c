/* SPDX-License-Identifier: MIT */
#include "workers/datagram/sockaddr.h"

#include "ipc/base/address.h"

_Static_assert(sizeof(((struct bh_sockaddr *)0)->raw) == sizeof(struct sockaddr_storage),
	       "room for each address");

int bh_sockaddr_parse(const char *text, struct bh_sockaddr *out)
{
	struct bh_address a;
	int err = bh_address_parse(text, &a);

	if (!err) {
		memcpy(out->raw, &a.ss, sizeof(out->raw));
		out->len = a.len;
	}
	return err;
}

int bh_sockaddr_text(const struct bh_sockaddr *a, char *text, size_t size)
{
	struct bh_address b = { .len = a->len };

	memcpy(&b.ss, a->raw, sizeof(a->raw));
	if (a->len < sizeof(sa_family_t)) /* as Linux says it of a Unix socket without a name */
		b.ss.ss_family = AF_UNIX;
	return bh_address_text(&b, text, size);
}

int bh_sockaddr_equal(const struct bh_sockaddr *a, const struct bh_sockaddr *b)
{
	return a->len == b->len && a->len <= sizeof(a->raw) && !memcmp(a->raw, b->raw, a->len);
}
