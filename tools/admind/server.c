/* SPDX-License-Identifier: MIT */
#include "server.h"

#include <nng/protocol/reqrep0/rep.h>
#include <nng/supplemental/util/platform.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

#include "answer.h"
#include "refusal.h"

enum {
	MESSAGE_BYTES = 1024 * 1024, /* nng hangs up on who announces more */
	LINGER_MS = 50,
	SILENT = 64, /* connections that are watched for what follows */
};

/* Connections that have not asked anything yet. One that ends like that sent
 * nothing, or what never became a message, and nng says no more of it. Its
 * threads change this table: hence the lock. */
static pthread_mutex_t silent_lock = PTHREAD_MUTEX_INITIALIZER;
static int silent[SILENT]; /* ids of pipes; 0: free */

/* Puts @to where @from stands; false: nowhere. */
static bool replace_silent(int from, int to)
{
	int i = 0;

	pthread_mutex_lock(&silent_lock);
	while (i < SILENT && silent[i] != from)
		i++;
	if (i < SILENT)
		silent[i] = to;
	pthread_mutex_unlock(&silent_lock);
	return i < SILENT;
}

static void on_pipe(nng_pipe p, nng_pipe_ev ev, void *arg)
{
	int id = nng_pipe_id(p);

	(void)arg;
	if (ev == NNG_PIPE_EV_ADD_PRE)
		replace_silent(0, id);
	else if (replace_silent(id, 0))
		bh_refusal_say("a client that left, or was cut off, before it asked anything");
}

static int listen_on(struct bh_server *s, const char *url)
{
	int err;

	/* nng itself removes the socket that a killed predecessor left. */
	if ((err = nng_socket_set_size(s->socket, NNG_OPT_RECVMAXSZ, MESSAGE_BYTES)) ||
	    (err = nng_pipe_notify(s->socket, NNG_PIPE_EV_ADD_PRE, on_pipe, NULL)) ||
	    (err = nng_pipe_notify(s->socket, NNG_PIPE_EV_REM_POST, on_pipe, NULL)) ||
	    (err = nng_listen(s->socket, url, NULL, 0)))
		return err;
	return nng_socket_get_int(s->socket, NNG_OPT_RECVFD, &s->fd);
}

int bh_server_open(struct bh_server *s, const char *url, uid_t owner)
{
	int err = nng_rep0_open(&s->socket);

	if (err)
		return err;
	s->owner = owner;
	mode_t old = umask(0177);
	err = listen_on(s, url);
	umask(old);
	if (err)
		nng_close(s->socket);
	return err;
}

static bool may_ask(const struct bh_server *s, nng_msg *m)
{
	uint64_t uid;

	return !nng_pipe_get_uint64(nng_msg_get_pipe(m), NNG_OPT_IPC_PEER_UID, &uid) &&
	       (uid == 0 || uid == s->owner);
}

static void reply(struct bh_server *s, const Bulkhead__Reply *r)
{
	nng_msg *m;

	if (nng_msg_alloc(&m, bulkhead__reply__get_packed_size(r)))
		return;
	bulkhead__reply__pack(r, nng_msg_body(m));
	/* Who does not read its replies goes without: nobody waits for it. */
	if (nng_sendmsg(s->socket, m, NNG_FLAG_NONBLOCK))
		nng_msg_free(m);
}

void bh_server_serve(struct bh_server *s, const struct bh_system *system, int ctl)
{
	struct bh_answer a;
	nng_msg *m;

	if (nng_recvmsg(s->socket, &m, NNG_FLAG_NONBLOCK))
		return;
	replace_silent(nng_pipe_id(nng_msg_get_pipe(m)), 0);
	if (!may_ask(s, m)) {
		bh_refusal_say("a user who is neither root nor the system's own");
		nng_pipe_close(nng_msg_get_pipe(m));
		nng_msg_free(m);
		return;
	}
	if (!bh_answer(&a, system, ctl, nng_msg_body(m), nng_msg_len(m)))
		bh_refusal_say(a.reply.error->text);
	reply(s, &a.reply);
	bh_scratch_fini(&a.scratch);
	nng_msg_free(m);
}

void bh_server_close(struct bh_server *s)
{
	nng_msleep(LINGER_MS);
	nng_close(s->socket);
}
