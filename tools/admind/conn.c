/* SPDX-License-Identifier: MIT */
#include "tools/admind/conn.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/admind/answer/answer.h"
#include "tools/admind/refusal.h"

enum {
	GREETING_BYTES = 8,
	HEAD_BYTES = 9,
	WORD_BYTES = 4,
	NAME_BYTES = BH_CONN_WORDS * WORD_BYTES,
	TURNS = 16, /* of reading, before others have their turn */
};

/* Larger messages are not even read to the end to be answered. */
#define EXCESS_BYTES (64ull * 1024 * 1024)

static const unsigned char greeting_rep[GREETING_BYTES] = { 0, 'S', 'P', 0, 0, 0x31, 0, 0 };
static const unsigned char greeting_req[GREETING_BYTES] = { 0, 'S', 'P', 0, 0, 0x30, 0, 0 };

bool bh_conn_open(struct bh_conn *c, int fd, int64_t now_ns)
{
	*c = (struct bh_conn){
		.fd = fd, .phase = BH_CONN_GREETING, .need = GREETING_BYTES, .used_ns = now_ns
	};
	return send(fd, greeting_rep, sizeof(greeting_rep), MSG_DONTWAIT | MSG_NOSIGNAL) ==
	       sizeof(greeting_rep);
}

void bh_conn_close(struct bh_conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->payload);
	free(c->out);
	*c = (struct bh_conn){ .fd = -1 };
}

static bool refuse(const char *what)
{
	bh_refusal_say(what);
	return false;
}

static void begin(struct bh_conn *c, enum bh_conn_phase phase, uint64_t need)
{
	c->phase = phase;
	c->got = 0;
	c->need = need;
}

/* -- sending ------------------------------------------------------------------ */

static bool flush(struct bh_conn *c)
{
	while (c->out && c->out_at < c->out_bytes) {
		ssize_t n = send(c->fd, c->out + c->out_at, c->out_bytes - c->out_at,
				 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		c->out_at += (size_t)n;
	}
	free(c->out);
	c->out = NULL;
	return true;
}

static bool reply(struct bh_conn *c, const unsigned char *name, size_t name_bytes,
		  const Bulkhead__Reply *r)
{
	size_t bytes = name_bytes + bulkhead__reply__get_packed_size(r);
	uint64_t length = htobe64(bytes);

	c->out = malloc(HEAD_BYTES + bytes);
	if (!c->out)
		return refuse("a request, for want of memory");
	c->out[0] = 1;
	memcpy(c->out + 1, &length, sizeof(length));
	memcpy(c->out + HEAD_BYTES, name, name_bytes);
	bulkhead__reply__pack(r, c->out + HEAD_BYTES + name_bytes);
	c->out_at = 0;
	c->out_bytes = HEAD_BYTES + bytes;
	return flush(c);
}

/* -- what has come in ----------------------------------------------------------- */

static bool take_greeting(struct bh_conn *c)
{
	if (memcmp(c->head, greeting_req, GREETING_BYTES))
		return refuse("a client that does not speak nng's req protocol");
	begin(c, BH_CONN_HEAD, HEAD_BYTES);
	return true;
}

static bool take_head(struct bh_conn *c)
{
	uint64_t length;

	memcpy(&length, c->head + 1, sizeof(length));
	c->length = be64toh(length);
	if (c->head[0] != 1 || c->length < WORD_BYTES)
		return refuse("a message that is none of nng's");
	if (c->length > EXCESS_BYTES)
		return refuse("a message of more than 64 MiB");
	/* Of a request that is too large the name is kept, for the reply. */
	bool excess = c->length > NAME_BYTES + BH_REQUEST_BYTES;
	c->keep = excess ? NAME_BYTES : (size_t)c->length;
	c->payload = malloc(c->keep);
	if (!c->payload)
		return refuse("a request, for want of memory");
	begin(c, BH_CONN_PAYLOAD, c->keep);
	return true;
}

static bool answer(struct bh_conn *c, const struct bh_system *s, int ctl)
{
	struct bh_answer a;
	size_t name = 0;

	while (name + WORD_BYTES <= c->keep && name < NAME_BYTES) {
		name += WORD_BYTES;
		if (c->payload[name - WORD_BYTES] & 0x80)
			break;
	}
	if (!name || !(c->payload[name - WORD_BYTES] & 0x80))
		return refuse("a message that is none of nng's requests");
	if (!bh_answer_request(&a, s, ctl, c->payload + name, (size_t)c->length - name))
		bh_refusal_say(a.reply.error->text);
	bool ok = reply(c, c->payload, name, &a.reply);
	bh_scratch_fini(&a.scratch);
	free(c->payload);
	c->payload = NULL;
	begin(c, BH_CONN_HEAD, HEAD_BYTES);
	return ok;
}

static bool take_payload(struct bh_conn *c, const struct bh_system *s, int ctl)
{
	if (c->length == c->keep)
		return answer(c, s, ctl);
	begin(c, BH_CONN_EXCESS, c->length - c->keep);
	return true;
}

static bool take(struct bh_conn *c, const struct bh_system *s, int ctl)
{
	switch (c->phase) {
	case BH_CONN_GREETING:
		return take_greeting(c);
	case BH_CONN_HEAD:
		return take_head(c);
	case BH_CONN_PAYLOAD:
		return take_payload(c, s, ctl);
	case BH_CONN_EXCESS:
		return answer(c, s, ctl);
	}
	return false;
}

/* -- reading -------------------------------------------------------------------- */

/* Returns the result of recv(). */
static ssize_t read_some(struct bh_conn *c)
{
	static unsigned char sink[64 * 1024];
	uint64_t want = c->need - c->got;
	unsigned char *to = c->phase == BH_CONN_PAYLOAD ? c->payload + c->got :
			    c->phase == BH_CONN_EXCESS  ? sink :
							  c->head + c->got;

	if (c->phase == BH_CONN_EXCESS && want > sizeof(sink))
		want = sizeof(sink);
	return recv(c->fd, to, (size_t)want, MSG_DONTWAIT);
}

/* A client may leave between its requests, and before it greets (bh_place_try() only
 * checks that a server listens). */
static bool left(const struct bh_conn *c)
{
	if (c->got || c->phase > BH_CONN_HEAD)
		bh_refusal_say("a message that was cut short");
	return false;
}

bool bh_conn_serve(struct bh_conn *c, const struct bh_system *s, int ctl, int64_t now_ns)
{
	c->used_ns = now_ns;
	if (!flush(c))
		return false;
	for (int i = 0; i < TURNS && !c->out; i++) {
		ssize_t n = read_some(c);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR || left(c);
		if (n == 0)
			return left(c);
		c->got += (uint64_t)n;
		if (c->got == c->need && !take(c, s, ctl))
			return false;
	}
	return true;
}
