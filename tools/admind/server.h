/* SPDX-License-Identifier: MIT */
/*
 * server.h: the admin endpoint: an nng rep socket, one request at a time. nng's
 * threads do the reading and writing; requests are answered by the thread that
 * calls bh_server_serve(), so that what it looks at needs no lock.
 *
 * Who may ask: root, and the user who runs the system. The socket's permissions
 * see to that, but under root this process, and so its socket, belongs to an
 * unprivileged user whom a service may have too: hence each request's sender is
 * looked at as well.
 */
#ifndef BH_ADMIND_SERVER_H
#define BH_ADMIND_SERVER_H

#include <nng/nng.h>
#include <sys/types.h>

#include "system.h"

struct bh_server {
	nng_socket socket;
	int fd;      /* readable when a request may be waiting */
	uid_t owner; /* who may ask, beside root */
};

/* Listens on @url. Errors are nng's: see nng_strerror(). One server a process. */
int bh_server_open(struct bh_server *s, const char *url, uid_t owner);

/* Answers one request, if there is one. */
void bh_server_serve(struct bh_server *s, const struct bh_system *system, int ctl);

/* Lets replies on their way go out, and closes. */
void bh_server_close(struct bh_server *s);

#endif
