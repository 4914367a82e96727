/* SPDX-License-Identifier: MIT */
/*
 * server.h: the admin endpoint: a Unix socket on which nng's req clients are
 * answered, all by one thread.
 *
 * The endpoint speaks nng's protocol without nng. The listener of nng 1.5 stops accepting,
 * for ever, as soon as one client hangs up before it has greeted; and it closes silently
 * when a client announces a message that is too long. Here each such client gets an error or
 * a line in the log, and no client keeps others from asking.
 *
 * Access: root, and the user that runs the system. The socket's permissions
 * enforce this; but under root this process, and so its socket, belongs to an
 * unprivileged user that a service may have too, hence the credentials of each
 * client are checked as well.
 */
#ifndef BH_ADMIND_SERVER_H
#define BH_ADMIND_SERVER_H

#include <poll.h>

#include "tools/admind/conn.h"

enum {
	BH_SERVER_CONNS = 64,                  /* at once; one more closes the longest idle */
	BH_SERVER_WATCH = BH_SERVER_CONNS + 1, /* descriptors */
	BH_SERVER_HELD = 64 << 20, /* bytes of answers that are unread, beside the last */
};

struct bh_server {
	int fd;
	struct bh_conn conn[BH_SERVER_CONNS];
};

/* Listens on @url; a socket that a killed predecessor left is removed.
 * Errors: -EADDRINUSE (a live server, or a file that is no socket, is there),
 * -EINVAL (no ipc:// URL), others of bind(). */
int bh_server_open(struct bh_server *s, const char *url);

/* Fills @p with the descriptors and events to wait for. */
void bh_server_watch(const struct bh_server *s, struct pollfd p[BH_SERVER_WATCH]);

/* Serves the descriptors in @p that are ready. */
void bh_server_serve(struct bh_server *s, const struct pollfd p[BH_SERVER_WATCH],
		     const struct bh_system *system, int ctl);

void bh_server_close(struct bh_server *s);

#endif
