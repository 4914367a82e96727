/* SPDX-License-Identifier: MIT */
#include "tools/bulkhead/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipc/base/address.h"
#include "tools/bulkhead/config/value.h"

/* Above the places that the kernel and its children give to descriptors. */
#define FIRST_FD 64

static const char *hint(int err)
{
	switch (err) {
	case EADDRINUSE:
		return " (another program has it; choose another with --listen)";
	case EACCES:
		return " (ports below 1024 are root's; choose another with --listen)";
	case EADDRNOTAVAIL:
		return " (this machine has no such address)";
	default:
		return "";
	}
}

static int name_socket(struct bh_plan_listen *l, int fd)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof(a);
	char host[64], port[8];

	if (getsockname(fd, (struct sockaddr *)&a, &n))
		return -errno;
	if (getnameinfo((struct sockaddr *)&a, n, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		return -EINVAL;
	snprintf(l->actual, sizeof(l->actual), a.ss_family == AF_INET6 ? "[%.60s]:%s" : "%.60s:%s",
		 host, port);
	return 0;
}

/* Moves @fd to a number above the fixed descriptors. */
static int lift(struct bh_plan_listen *l, int fd)
{
	l->fd = fcntl(fd, F_DUPFD, FIRST_FD);
	return l->fd < 0 ? -errno : 0;
}

static int open_one(struct bh_plan_listen *l, const struct addrinfo *a, int v6_only)
{
	int one = 1, err = 0;
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (a->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only));
	if (bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, SOMAXCONN))
		err = -errno;
	else
		err = name_socket(l, fd);
	if (!err)
		err = lift(l, fd);
	close(fd);
	return err;
}

/* True if an address of IPv4 and with that port is in the plan. */
static bool has_v4(const struct bh_plan *plan, uint16_t port)
{
	char host[72];
	uint16_t number;

	for (uint32_t i = 0; i < plan->n_services; i++)
		for (uint32_t j = 0; j < plan->services[i].n_listen; j++)
			if (bh_value_address(plan->services[i].listen[j].address, host, &number) &&
			    number == port && host[0] && !strchr(host, ':'))
				return true;
	return false;
}

/* -- Unix sockets ---------------------------------------------------------------------- */

static const char *unix_hint(const char *path, int err)
{
	struct stat st;

	switch (err) {
	case EADDRINUSE:
		if (*path == '/' && !lstat(path, &st) && !S_ISSOCK(st.st_mode))
			return " (a file that is no socket is there; remove it, or choose another "
			       "path)";
		return " (another program has it; choose another with --listen)";
	case ENOENT:
		return " (its directory is not there; make it)";
	case EACCES:
		return " (its directory may not be written to; choose another path)";
	default:
		return "";
	}
}

/* Records the socket file, and gives it to the service's user. O_PATH holds the file
 * meanwhile: if a file of another kind has taken the path, it is left alone. */
static int own_file(struct bh_plan_listen *l, const char *path, const struct bh_plan_user *user)
{
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC), err = 0;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISSOCK(st.st_mode)) {
		err = -ENOTSOCK;
	} else {
		l->file_dev = st.st_dev;
		l->file_ino = st.st_ino;
		if (user->uid != UINT32_MAX &&
		    fchownat(fd, "", user->uid, user->gid, AT_EMPTY_PATH))
			err = -errno;
	}
	close(fd);
	return err;
}

static int open_unix(const struct bh_plan_service *s, struct bh_plan_listen *l,
		     char why[BH_LISTEN_WHY])
{
	const char *path = l->address + strlen("unix:"), *whose = "";
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct bh_address a;
	int err = fd < 0 ? -errno : bh_address_parse(l->address, &a);

	snprintf(l->actual, sizeof(l->actual), "%s", l->address);
	if (!err)
		err = bh_address_bind(fd, &a);
	if (!err && *path == '/') {
		err = own_file(l, path, &s->user);
		if (err)
			whose = ": cannot give the socket to the service's user";
	}
	if (!err)
		err = listen(fd, SOMAXCONN) ? -errno : lift(l, fd);
	if (err)
		snprintf(why, BH_LISTEN_WHY, "cannot listen on %s%s: %s%s", l->address, whose,
			 strerror(-err), *whose ? "" : unix_hint(path, -err));
	if (fd >= 0)
		close(fd);
	return err;
}

/* -- TCP ------------------------------------------------------------------------------- */

/* "All interfaces" means both families, unless the other one has an address of its own at
 * that port: then two sockets share it. */
static int open_tcp(const struct bh_plan *plan, struct bh_plan_listen *l, char why[BH_LISTEN_WHY])
{
	struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV | AI_NUMERICHOST,
				  .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	char host[72], port[8];
	uint16_t number;
	int err;

	if (!bh_value_address(l->address, host, &number)) {
		snprintf(why, BH_LISTEN_WHY, "cannot listen on %s: expected HOST:PORT", l->address);
		return -EINVAL;
	}
	snprintf(port, sizeof(port), "%u", number);
	if (!strcmp(host, "localhost"))
		strcpy(host, "127.0.0.1");
	hints.ai_family = host[0] ? AF_UNSPEC : AF_INET6;
	err = getaddrinfo(host[0] ? host : NULL, port, &hints, &list);
	if (err) {
		snprintf(why, BH_LISTEN_WHY, "cannot listen on %s: no address for %s: %s",
			 l->address, host, gai_strerror(err));
		return -EINVAL;
	}
	err = open_one(l, list, number && has_v4(plan, number));
	freeaddrinfo(list);
	if (err == -EAFNOSUPPORT && !host[0]) {
		/* No IPv6 here. */
		struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(number) };
		struct addrinfo a = { .ai_family = AF_INET,
				      .ai_addr = (struct sockaddr *)&any,
				      .ai_addrlen = sizeof(any) };
		err = open_one(l, &a, 0);
	}
	if (err)
		snprintf(why, BH_LISTEN_WHY, "cannot listen on %s: %s%s", l->address,
			 strerror(-err), hint(-err));
	return err;
}

/* The second address of "localhost": a machine without IPv6 does without it. */
static bool is_spare(const struct bh_plan_service *s, uint32_t j)
{
	return j && !strncmp(s->listen[j - 1].address, "localhost:", 10) &&
	       !strncmp(s->listen[j].address, "[::1]:", 6);
}

static int open_service(const struct bh_plan *plan, struct bh_plan_service *s,
			char why[BH_LISTEN_WHY])
{
	for (uint32_t j = 0; j < s->n_listen;) {
		struct bh_plan_listen *l = &s->listen[j];
		int err = strncmp(l->address, "unix:", 5) ? open_tcp(plan, l, why) :
							    open_unix(s, l, why);

		if ((err == -EADDRNOTAVAIL || err == -EAFNOSUPPORT) && is_spare(s, j)) {
			s->n_listen--;
			memmove(&s->listen[j], &s->listen[j + 1],
				(s->n_listen - j) * sizeof(s->listen[0]));
			continue;
		}
		if (err)
			return err;
		j++;
	}
	return 0;
}

int bh_listen_open_all(struct bh_plan *plan, char why[BH_LISTEN_WHY])
{
	int err = 0;

	for (uint32_t i = 0; !err && i < plan->n_services; i++)
		err = open_service(plan, &plan->services[i], why);
	return err;
}
