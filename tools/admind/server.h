/* SPDX-License-Identifier: MIT */
/*
 * server.h: the admin endpoint: a Unix socket on which nng's req clients are
 * answered, all by one thread.
 *
 * It speaks nng's protocol without nng. The listener of nng 1.5 stops accepting,
 * for ever, as soon as one client hangs up before it has greeted; and it hangs up
 * without a word on who announces too much. Here each gets an error or a line in
 * the log, and nobody keeps others from asking.
 *
 * Who may ask: root, and the user who runs the system. The socket's permissions
 * see to that; but under root this process, and so its socket, belongs to an
 * unprivileged user whom a service may have too, hence the credentials of each
 * client are looked at as well.
 */
#ifndef BH_ADMIND_SERVER_H
#define BH_ADMIND_SERVER_H

#include <poll.h>

#include "tools/admind/conn.h"

enum {
	BH_SERVER_CONNS = 64,                  /* at once; of more, the one idle longest goes */
	BH_SERVER_WATCH = BH_SERVER_CONNS + 1, /* descriptors */
	BH_SERVER_HELD = 64 << 20, /* bytes of answers that are unread, beside the last */
};

struct bh_server {
	int fd;
	struct bh_conn conn[BH_SERVER_CONNS];
};

/* Listens on @url; a socket that a killed predecessor left is removed.
 * Errors: -EADDRINUSE (somebody listens, or a file that is no socket is there),
 * -EINVAL (no ipc:// URL), others of bind(). */
int bh_server_open(struct bh_server *s, const char *url);

/* Fills @p with what to wait for. */
void bh_server_watch(const struct bh_server *s, struct pollfd p[BH_SERVER_WATCH]);

/* Serves those of @p that are ready. */
void bh_server_serve(struct bh_server *s, const struct pollfd p[BH_SERVER_WATCH],
		     const struct bh_system *system, int ctl);

void bh_server_close(struct bh_server *s);

#endif
