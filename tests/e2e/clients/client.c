/* SPDX-License-Identifier: MIT */
/* client.c: the few calls of client.h. */
#include "tests/e2e/clients/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int64_t client_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int client_connect(uint16_t port, bool nonblocking)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0), 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) && errno != EINPROGRESS) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

void client_raise_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

/* The value of header @name in the head; NULL if absent. */
static const char *header(const char *head, const char *end, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = head; at + len < end; at++)
		if (at[0] == '\n' && strncasecmp(at + 1, name, len) == 0)
			return at + 1 + len;
	return NULL;
}

int client_parse(const char *buf, size_t len, struct client_response *res)
{
	const char *end = memmem(buf, len, "\r\n\r\n", 4), *value;

	memset(res, 0, sizeof(*res));
	if (len >= 9 && memcmp(buf, "HTTP/1.1 ", 9))
		return -1;
	if (!end)
		return len > 4096 ? -1 : 0;
	res->status = atoi(buf + 9);
	value = header(buf, end, "Content-Length:");
	if (res->status < 100 || res->status > 599 || (!value && res->status != 100))
		return -1;
	res->body = end + 4;
	res->body_len = value ? strtoul(value, NULL, 10) : 0;
	res->size = (size_t)(res->body - buf) + res->body_len;
	value = header(buf, end, "Connection:");
	res->close = value && strncasecmp(value, " close", 6) == 0;
	return res->size <= len;
}

const struct client_way client_ways[CLIENT_WAYS] = {
	{ "segv", "\"signal\":11," },
	{ "abort", "\"signal\":6," },
	{ "overflow", "\"stack_overflow\":true," },
	{ "exit", "\"exit_code\":3," },
	[CLIENT_KILL] = { "kill", "\"signal\":9," },
	{ "fpe", "\"signal\":8," },
};

bool client_has(const struct client_response *res, const char *text)
{
	return memmem(res->body, res->body_len, text, strlen(text));
}

void client_hang_up(struct client_conn *c)
{
	close(c->fd);
	c->fd = -1;
	c->waiting = false;
	c->len = 0;
}

int client_open(struct client_conn *c, uint16_t port, int epfd, void *data)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = data };
	int fd;

	if (c->fd >= 0)
		return 0;
	fd = client_connect(port, false);
	if (fd < 0)
		return fd;
	c->fd = fd;
	if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev) == 0)
		return 0;
	fd = -errno;
	client_hang_up(c);
	return fd;
}

bool client_ask(struct client_conn *c, const char *request, size_t len)
{
	c->len = 0;
	c->waiting = true;
	c->sent_at = client_now();
	return send(c->fd, request, len, MSG_NOSIGNAL) == (ssize_t)len;
}

int client_take(struct client_conn *c)
{
	ssize_t n = recv(c->fd, c->buf + c->len, sizeof(c->buf) - c->len, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		return -1;
	c->len += (size_t)n;
	return (int)n;
}

int client_answer(const struct client_conn *c, struct client_response *res)
{
	int whole = client_parse(c->buf, c->len, res);

	if (whole == 0 && c->len < sizeof(c->buf))
		return 0;
	return whole > 0 && c->waiting && res->size == c->len ? 1 : -1;
}
