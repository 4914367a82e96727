/* SPDX-License-Identifier: MIT */
#include "tools/bhctl/verb/socket.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct list {
	struct bh_socket *at;
	size_t n, room;
};

/* False: no memory, and the list ends here. */
static bool add(struct list *l, const struct bh_socket *s)
{
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 64;
		struct bh_socket *p = realloc(l->at, room * sizeof(*p));

		if (!p)
			return false;
		l->at = p;
		l->room = room;
	}
	l->at[l->n++] = *s;
	return true;
}

/* "0100007F" and 80: 127.0.0.1:80. Words of 32 bits, printed as numbers. No port: no
 * end. */
static void put_address(char out[112], const char *hex, unsigned port)
{
	uint32_t words[4] = { 0 };
	char text[INET6_ADDRSTRLEN] = "?";
	size_t n = strlen(hex) / 8;

	out[0] = 0;
	if (!port || (n != 1 && n != 4))
		return;
	for (size_t i = 0; i < n; i++) {
		char word[9] = { 0 };

		memcpy(word, hex + 8 * i, 8);
		words[i] = (uint32_t)strtoul(word, NULL, 16);
	}
	inet_ntop(n == 1 ? AF_INET : AF_INET6, words, text, sizeof(text));
	snprintf(out, 112, n == 1 ? "%s:%u" : "[%s]:%u", text, port);
}

static bool parse_inet(const char *line, struct bh_socket *s)
{
	char local[33], peer[33];
	unsigned local_port, peer_port;
	unsigned long long inode;

	if (sscanf(line, "%*d: %32[0-9A-F]:%x %32[0-9A-F]:%x %*x %*x:%*x %*x:%*x %*x %*u %*u %llu",
		   local, &local_port, peer, &peer_port, &inode) != 5)
		return false;
	s->inode = inode;
	put_address(s->local, local, local_port);
	put_address(s->peer, peer, peer_port);
	return true;
}

static bool parse_unix(const char *line, struct bh_socket *s)
{
	unsigned long long inode;

	s->local[0] = s->peer[0] = 0;
	if (sscanf(line, "%*x: %*x %*x %*x %*x %*x %llu %111s", &inode, s->local) < 1)
		return false;
	s->inode = inode;
	return true;
}

static void read_all(struct list *l, int pid, const char *name,
		     bool (*parse)(const char *line, struct bh_socket *s))
{
	char path[64], line[512];
	struct bh_socket s;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/net/%s", pid, name);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (parse(line, &s) && !add(l, &s))
			break;
	if (f)
		fclose(f);
}

static int by_inode(const void *a, const void *b)
{
	const struct bh_socket *x = a, *y = b;

	return x->inode < y->inode ? -1 : x->inode > y->inode;
}

struct bh_socket *bh_sockets(int pid, size_t *n)
{
	struct list l = { 0 };

	read_all(&l, pid, "tcp", parse_inet);
	read_all(&l, pid, "tcp6", parse_inet);
	read_all(&l, pid, "udp", parse_inet);
	read_all(&l, pid, "unix", parse_unix);
	if (l.n)
		qsort(l.at, l.n, sizeof(*l.at), by_inode);
	*n = l.n;
	return l.at;
}

const struct bh_socket *bh_socket_find(const struct bh_socket *all, size_t n, uint64_t inode)
{
	struct bh_socket key = { .inode = inode };

	return n ? bsearch(&key, all, n, sizeof(*all), by_inode) : NULL;
}
