/* SPDX-License-Identifier: MIT */
#include "tools/bhctl/ask.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdio.h>

#include "tools/bhctl/bhctl.h"

enum {
	WAIT_MS = 10000,
	RETRY_MS = 50, /* the admin server may just be starting again */
	REPLY_BYTES = 256 * 1024 * 1024,
};

static int set_up(nng_socket s, const char *url)
{
	int err;

	if ((err = nng_socket_set_ms(s, NNG_OPT_SENDTIMEO, WAIT_MS)) ||
	    (err = nng_socket_set_ms(s, NNG_OPT_RECVTIMEO, WAIT_MS)) ||
	    (err = nng_socket_set_ms(s, NNG_OPT_RECONNMINT, RETRY_MS)) ||
	    (err = nng_socket_set_ms(s, NNG_OPT_RECONNMAXT, RETRY_MS)) ||
	    (err = nng_socket_set_size(s, NNG_OPT_RECVMAXSZ, REPLY_BYTES)))
		return err;
	return nng_dial(s, url, NULL, NNG_FLAG_NONBLOCK);
}

static int exchange(nng_socket s, const Bulkhead__Request *q, nng_msg **reply)
{
	nng_msg *m;
	int err = nng_msg_alloc(&m, bulkhead__request__get_packed_size(q));

	if (err)
		return err;
	bulkhead__request__pack(q, nng_msg_body(m));
	err = nng_sendmsg(s, m, 0);
	if (err) {
		nng_msg_free(m);
		return err;
	}
	return nng_recvmsg(s, reply, 0);
}

int bh_line_open(struct bh_line *l, const char *url)
{
	nng_socket s;
	int err = nng_req0_open(&s);

	*l = (struct bh_line){ .url = url, .socket = err ? 0 : s.id, .fd = -1 };
	if (!err)
		err = set_up(s, url);
	if (!err)
		err = nng_socket_get_int(s, NNG_OPT_RECVFD, &l->fd);
	return err;
}

static int silent(const char *url, int err)
{
	fprintf(stderr, "bhctl: the system at %s does not answer: %s\n", url, nng_strerror(err));
	return BH_EXIT_SYSTEM;
}

int bh_line_wait(const struct bh_line *l, const Bulkhead__Request *q, Bulkhead__Reply **out)
{
	nng_msg *m;
	int err = exchange((nng_socket){ .id = l->socket }, q, &m);

	if (err)
		return silent(l->url, err);
	*out = bulkhead__reply__unpack(NULL, nng_msg_len(m), nng_msg_body(m));
	nng_msg_free(m);
	if (*out)
		return 0;
	fprintf(stderr, "bhctl: what answers at %s is no Bulkhead system\n", l->url);
	return BH_EXIT_SYSTEM;
}

int bh_ask(const char *url, const Bulkhead__Request *q, Bulkhead__Reply **out)
{
	static struct bh_line l; /* a command asks one system */
	int err = l.socket ? 0 : bh_line_open(&l, url);

	return err ? silent(url, err) : bh_line_wait(&l, q, out);
}

bool bh_line_ask(struct bh_line *l, const Bulkhead__Request *q)
{
	nng_msg *m;

	if (nng_msg_alloc(&m, bulkhead__request__get_packed_size(q)))
		return false;
	bulkhead__request__pack(q, nng_msg_body(m));
	if (!nng_sendmsg((nng_socket){ .id = l->socket }, m, NNG_FLAG_NONBLOCK))
		return true;
	nng_msg_free(m);
	return false;
}

Bulkhead__Reply *bh_line_answer(struct bh_line *l)
{
	Bulkhead__Reply *r;
	nng_msg *m;

	if (nng_recvmsg((nng_socket){ .id = l->socket }, &m, NNG_FLAG_NONBLOCK))
		return NULL;
	r = bulkhead__reply__unpack(NULL, nng_msg_len(m), nng_msg_body(m));
	nng_msg_free(m);
	return r;
}
