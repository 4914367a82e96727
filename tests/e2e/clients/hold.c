/* SPDX-License-Identifier: MIT */
/*
 * hold.c: holds many idle keep-alive connections.
 *
 *     hold PORT COUNT
 *
 * Opens them, has one request answered on each, and prints "ready". For each
 * line it then reads, it has one more request answered on each of the same
 * connections and prints "answered N lost M".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/e2e/clients/client.h"

static bool ask(int fd)
{
	static const char request[] = "GET /hello HTTP/1.1\r\nHost: test\r\n\r\n";
	struct client_response res;
	char buf[1024];
	size_t len = 0;

	if (send(fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request))
		return false;
	for (;;) {
		ssize_t n = read(fd, buf + len, sizeof(buf) - len);
		int whole;

		if (n <= 0)
			return false;
		len += (size_t)n;
		whole = client_parse(buf, len, &res);
		if (whole)
			return whole > 0 && res.status == 200 && res.size == len && !res.close;
	}
}

int main(int argc, char **argv)
{
	const struct timeval patience = { .tv_sec = 10 };
	int count = argc == 3 ? atoi(argv[2]) : 0, lost = 0;
	char line[64];
	int *fds;

	if (count <= 0) {
		fputs("usage: hold PORT COUNT\n", stderr);
		return 100;
	}
	client_raise_files();
	fds = calloc((size_t)count, sizeof(*fds));
	if (!fds)
		return 111;
	for (int i = 0; i < count; i++) {
		fds[i] = client_connect((uint16_t)atoi(argv[1]), false);
		setsockopt(fds[i], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		if (fds[i] < 0 || !ask(fds[i])) {
			fprintf(stderr, "hold: connection %d of %d was not served\n", i, count);
			return 1;
		}
	}
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		lost = 0;
		for (int i = 0; i < count; i++)
			lost += !ask(fds[i]);
		printf("answered %d lost %d\n", count - lost, lost);
		fflush(stdout);
	}
	free(fds);
	return lost != 0;
}
