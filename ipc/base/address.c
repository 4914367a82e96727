/* SPDX-License-Identifier: MIT */
#include "ipc/base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	NAME_AT = offsetof(struct sockaddr_un, sun_path)
};

#define UNIX_KEY 0x80000000u

/* @name: a path, or @ and an abstract name. */
static int parse_unix(const char *name, struct bh_address *a)
{
	struct sockaddr_un *u = (void *)&a->ss;
	size_t n = strlen(name);

	if (!n || !strcmp(name, "@"))
		return -EINVAL;
	if (n >= sizeof(u->sun_path))
		return -ENAMETOOLONG;
	u->sun_family = AF_UNIX;
	memcpy(u->sun_path, name, n + 1);
	a->len = (socklen_t)(NAME_AT + n + 1);
	if (name[0] == '@') {
		u->sun_path[0] = '\0';
		a->len--; /* all bytes of the length are the name, even a NUL */
	}
	return 0;
}

static int parse_v6(char *host, uint16_t port, struct bh_address *a)
{
	struct sockaddr_in6 *a6 = (void *)&a->ss;
	size_t n = strlen(host);

	if (host[n - 1] != ']')
		return -EINVAL;
	host[n - 1] = '\0';
	a6->sin6_family = AF_INET6;
	a6->sin6_port = htons(port);
	a->len = sizeof(*a6);
	return inet_pton(AF_INET6, host + 1, &a6->sin6_addr) == 1 ? 0 : -EINVAL;
}

int bh_address_parse(const char *text, struct bh_address *a)
{
	const char *colon = strrchr(text, ':');
	struct sockaddr_in *a4 = (void *)&a->ss;
	char host[72], *end;
	long port;

	memset(a, 0, sizeof(*a));
	if (!strncmp(text, "unix:", 5))
		return parse_unix(text + 5, a);
	if (!colon || colon == text || (size_t)(colon - text) >= sizeof(host))
		return -EINVAL;
	port = strtol(colon + 1, &end, 10);
	if (*end || end == colon + 1 || port < 0 || port > 65535)
		return -EINVAL;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	if (host[0] == '[')
		return parse_v6(host, (uint16_t)port, a);
	a4->sin_family = AF_INET;
	a4->sin_port = htons((uint16_t)port);
	a->len = sizeof(*a4);
	return inet_pton(AF_INET, host, &a4->sin_addr) == 1 ? 0 : -EINVAL;
}

int bh_address_parse_typed(const char *text, struct bh_address *a, int *type)
{
	static const char seqpacket[] = "seqpacket:";
	size_t n = sizeof(seqpacket) - 1;

	*type = SOCK_STREAM;
	if (strncmp(text, seqpacket, n) != 0)
		return bh_address_parse(text, a);
	*type = SOCK_SEQPACKET;
	memset(a, 0, sizeof(*a));
	return parse_unix(text + n, a);
}

/* The bytes of a Unix name: a path ends at its NUL. */
static size_t name_of(const struct bh_address *a, const char **name)
{
	const struct sockaddr_un *u = (const void *)&a->ss;
	size_t n = a->len > NAME_AT ? a->len - NAME_AT : 0;

	if (n > sizeof(u->sun_path))
		n = sizeof(u->sun_path);
	*name = u->sun_path;
	return n && u->sun_path[0] ? strnlen(u->sun_path, n) : n;
}

static int text_unix(const struct bh_address *a, char *text, size_t size)
{
	const char *name;
	size_t n = name_of(a, &name);
	int len = snprintf(text, size, "unix:%.*s", (int)n, name);

	if (n && !name[0]) /* an abstract name, up to its first NUL */
		len = snprintf(text, size, "unix:@%.*s", (int)n - 1, name + 1);
	return len;
}

int bh_address_text(const struct bh_address *a, char *text, size_t size)
{
	char host[INET6_ADDRSTRLEN];
	int len;

	if (a->ss.ss_family == AF_INET) {
		const struct sockaddr_in *a4 = (const void *)&a->ss;
		inet_ntop(AF_INET, &a4->sin_addr, host, sizeof(host));
		len = snprintf(text, size, "%s:%u", host, ntohs(a4->sin_port));
	} else if (a->ss.ss_family == AF_INET6) {
		const struct sockaddr_in6 *a6 = (const void *)&a->ss;
		inet_ntop(AF_INET6, &a6->sin6_addr, host, sizeof(host));
		len = snprintf(text, size, "[%s]:%u", host, ntohs(a6->sin6_port));
	} else if (a->ss.ss_family == AF_UNIX) {
		len = text_unix(a, text, size);
	} else {
		return -EAFNOSUPPORT;
	}
	return (size_t)len < size ? len : -ENOSPC;
}

/* FNV-1a. */
static uint32_t hash(const char *bytes, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)bytes[i]) * 16777619u;
	return h;
}

uint32_t bh_address_key(const struct bh_address *a)
{
	const char *name;
	size_t n;

	switch (a->ss.ss_family) {
	case AF_INET:
		return ntohs(((const struct sockaddr_in *)&a->ss)->sin_port);
	case AF_INET6:
		return ntohs(((const struct sockaddr_in6 *)&a->ss)->sin6_port);
	case AF_UNIX:
		n = name_of(a, &name);
		return n ? hash(name, n) | UNIX_KEY : 0;
	default:
		return 0;
	}
}

int bh_address_of(int fd, struct bh_address *a)
{
	a->len = sizeof(a->ss);
	return getsockname(fd, (struct sockaddr *)&a->ss, &a->len) ? -errno : 0;
}

uint32_t bh_address_key_of(int fd)
{
	struct bh_address a;

	return bh_address_of(fd, &a) ? 0 : bh_address_key(&a);
}

/* True if the file at the address is a socket that no process has open. The probe's socket is
 * for datagrams, so that a live listener refuses instead of accepting. The probe is made by
 * system calls: in a service, socket() and close() are wrapped for its tasks. */
static bool is_stale(const struct bh_address *a)
{
	const struct sockaddr_un *u = (const void *)&a->ss;
	struct stat st;
	bool stale;

	if (u->sun_family != AF_UNIX || !u->sun_path[0] || lstat(u->sun_path, &st) ||
	    !S_ISSOCK(st.st_mode))
		return false;
	int probe = (int)syscall(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (probe < 0)
		return false;
	stale = connect(probe, (const struct sockaddr *)&a->ss, a->len) && errno == ECONNREFUSED;
	syscall(SYS_close, probe);
	return stale;
}

int bh_address_bind(int fd, const struct bh_address *a)
{
	const struct sockaddr *sa = (const void *)&a->ss;
	int err = bind(fd, sa, a->len) ? -errno : 0;

	if (err == -EADDRINUSE && is_stale(a)) {
		unlink(((const struct sockaddr_un *)sa)->sun_path);
		err = bind(fd, sa, a->len) ? -errno : 0;
	}
	return err;
}
