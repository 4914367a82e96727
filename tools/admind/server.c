/* SPDX-License-Identifier: MIT */
#include "tools/admind/server.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tools/admind/refusal.h"
#include "tools/place.h"

enum {
	BACKLOG = 64
};

static int clear_way(const char *path)
{
	struct stat st;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode) || bh_place_try(path) != -ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(path) && errno != ENOENT ? -errno : 0;
}

static int listen_at(int fd, const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	memcpy(a.sun_path, path, strlen(path));
	/* By umask, not chmod(): no client can connect in between. */
	mode_t old = umask(0177);
	int err = bind(fd, (struct sockaddr *)&a, sizeof(a)) ? -errno : 0;
	umask(old);
	return err ? err : listen(fd, BACKLOG) ? -errno : 0;
}

int bh_server_open(struct bh_server *s, const char *url)
{
	char path[BH_PLACE_BYTES];
	int err = bh_place_path(url, path);

	for (size_t i = 0; i < BH_SERVER_CONNS; i++)
		s->conn[i] = (struct bh_conn){ .fd = -1 };
	s->fd = -1;
	if (!err)
		err = clear_way(path);
	if (err)
		return err;
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return -errno;
	err = listen_at(s->fd, path);
	if (err) {
		close(s->fd);
		s->fd = -1;
	}
	return err;
}

void bh_server_watch(const struct bh_server *s, struct pollfd p[BH_SERVER_WATCH])
{
	for (size_t i = 0; i < BH_SERVER_CONNS; i++)
		p[i] = (struct pollfd){ .fd = s->conn[i].fd,
					.events = s->conn[i].out ? POLLOUT : POLLIN };
	p[BH_SERVER_CONNS] = (struct pollfd){ .fd = s->fd, .events = POLLIN };
}

static bool may_ask(const struct bh_system *system, int fd)
{
	struct ucred u;
	socklen_t n = sizeof(u);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &n) &&
	       (u.uid == 0 || u.uid == system->owner);
}

static struct bh_conn *room(struct bh_server *s)
{
	struct bh_conn *c = &s->conn[0];

	for (size_t i = 0; i < BH_SERVER_CONNS && c->fd >= 0; i++)
		if (s->conn[i].fd < 0 || s->conn[i].used_ns < c->used_ns)
			c = &s->conn[i];
	if (c->fd >= 0)
		bh_refusal_say("the oldest of too many clients");
	bh_conn_close(c);
	return c;
}

static void take_client(struct bh_server *s, const struct bh_system *system, int64_t now_ns)
{
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (!may_ask(system, fd)) {
		bh_refusal_say("a user who is neither root nor the system's own");
		close(fd);
		return;
	}
	struct bh_conn *c = room(s);
	if (!bh_conn_open(c, fd, now_ns))
		bh_conn_close(c);
}

/* Bounds the memory of answers that clients do not read: beyond BH_SERVER_HELD the clients
 * idle longest are closed, but not @last, whose answer was made last. */
static void make_room(struct bh_server *s, const struct bh_conn *last)
{
	for (;;) {
		struct bh_conn *oldest = NULL;
		size_t held = 0;

		for (size_t i = 0; i < BH_SERVER_CONNS; i++) {
			struct bh_conn *c = &s->conn[i];

			held += c->out ? c->out_bytes : 0;
			if (c->out && c != last && (!oldest || c->used_ns < oldest->used_ns))
				oldest = c;
		}
		if (held <= BH_SERVER_HELD || !oldest)
			return;
		bh_refusal_say("a client that does not read its answer, as there are others");
		bh_conn_close(oldest);
	}
}

void bh_server_serve(struct bh_server *s, const struct pollfd p[BH_SERVER_WATCH],
		     const struct bh_system *system, int ctl)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	int64_t now_ns = ts.tv_sec * 1000000000ll + ts.tv_nsec;

	for (size_t i = 0; i < BH_SERVER_CONNS; i++) {
		struct bh_conn *c = &s->conn[i];

		/* The connection may have been closed meanwhile to make room for another. */
		if (p[i].fd < 0 || c->fd != p[i].fd || !p[i].revents)
			continue;
		if (!bh_conn_serve(c, system, ctl, now_ns))
			bh_conn_close(c);
		make_room(s, c);
	}
	if (p[BH_SERVER_CONNS].revents)
		take_client(s, system, now_ns);
}

void bh_server_close(struct bh_server *s)
{
	for (size_t i = 0; i < BH_SERVER_CONNS; i++)
		bh_conn_close(&s->conn[i]);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}
