/* SPDX-License-Identifier: MIT */
/*
 * garbage.c: sends an HTTP server what no client would.
 *
 *     garbage PORT COUNT        (BH_SEED=N repeats a run)
 *
 * Each of COUNT connections gets one piece: random bytes, a good request with
 * bytes changed, cut out or repeated, one that is cut off, one that never ends.
 * Whatever comes back must be nothing or whole HTTP responses. Exit status 1
 * names the piece that was answered with something else.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/e2e/clients/client.h"

enum {
	PIECE_MAX = 64 << 10,
	ANSWER_MAX = 256 << 10
};

static uint64_t state;

/* xorshift64*: good enough to be hard to please, and repeatable. */
static uint32_t pick(uint32_t below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)((state * 0x2545f4914f6cdd1dull) >> 32) % below;
}

static size_t good_request(char *to)
{
	static const char *const requests[] = {
		"GET /hello HTTP/1.1\r\nHost: test\r\n\r\n",
		"POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nabcde",
		"POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n"
		"Content-Type: text/plain\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
		"GET /status?x=1&y=2 HTTP/1.1\r\nHost: test\r\nAccept: application/json\r\n\r\n",
		"HEAD / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n",
		"POST /echo HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n"
		"Content-Length: 4\r\n\r\nwxyz",
		"GET /sleep?ms=1 HTTP/1.0\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
	};
	const char *request = requests[pick(sizeof(requests) / sizeof(requests[0]))];

	memcpy(to, request, strlen(request));
	return strlen(request);
}

static size_t random_bytes(char *to)
{
	size_t len = 1 + pick(4096);

	for (size_t i = 0; i < len; i++)
		to[i] = (char)pick(256);
	return len;
}

static size_t mutated(char *to)
{
	size_t len = 0;

	for (uint32_t n = 1 + pick(4); n; n--)
		len += good_request(to + len);
	for (uint32_t n = 1 + pick(8); n && len > 8; n--) {
		size_t at = pick((uint32_t)len - 4);

		switch (pick(4)) {
		case 0:
			to[at] = (char)pick(256);
			break;
		case 1:
			to[at] = (char)(to[at] ^ (1 << pick(8)));
			break;
		case 2:
			memmove(to + at, to + at + 3, len - at - 3);
			len -= 3;
			break;
		default:
			memmove(to + at + 3, to + at, len - at);
			len += 3;
		}
	}
	return len;
}

static size_t cut_off(char *to)
{
	return 1 + pick((uint32_t)good_request(to) - 1);
}

static size_t repeat(char *to, const char *head, char what, size_t len)
{
	size_t head_len = strlen(head);

	memcpy(to, head, head_len);
	memset(to + head_len, what, len);
	return head_len + len;
}

static size_t endless(char *to)
{
	static const char *const chunks = "POST /echo HTTP/1.1\r\nHost: a\r\n"
					  "Transfer-Encoding: chunked\r\n\r\n";
	size_t len;

	switch (pick(6)) {
	case 0:
		return repeat(to, "GET /", 'a', 60000);
	case 1:
		return repeat(to, "GET / HTTP/1.1\r\nHost: test\r\nX: ", 'b', 60000);
	case 2:
		return repeat(to, chunks, 'f', 40);
	case 3:
		return repeat(to, "POST /echo HTTP/1.1\r\nContent-Length: ", '9', 50);
	case 4:
		return repeat(to, "", '\n', 60000);
	default:
		len = repeat(to, "GET / HTTP/1.1\r\n", ':', 0);
		while (len < 60000)
			len += (size_t)sprintf(to + len, "H%zu: v\r\n", len);
		return len;
	}
}

static size_t make_piece(char *to)
{
	static size_t (*const kinds[])(char *) = { random_bytes, mutated, mutated, cut_off,
						   endless };

	return kinds[pick(sizeof(kinds) / sizeof(kinds[0]))](to);
}

/* Are these @len bytes whole responses (the last of which may be cut, and may be
 * to a HEAD)? */
static bool sane(const char *buf, size_t len)
{
	struct client_response res;

	while (len > 0) {
		int whole = client_parse(buf, len, &res);

		if (whole < 0)
			return false;
		if (whole == 0)
			return true;
		/* A body that looks like a head is the next head: a HEAD's answer. */
		if (res.body_len >= 9 && memcmp(res.body, "HTTP/1.1 ", 9) == 0)
			res.size -= res.body_len;
		buf += res.size;
		len -= res.size;
	}
	return true;
}

static size_t collect(int fd, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len < size && (n = read(fd, buf + len, size - len)) > 0)
		len += (size_t)n;
	return len;
}

static bool try_piece(uint16_t port, char *piece, char *answer)
{
	const struct timeval patience = { .tv_usec = 20000 };
	size_t len = make_piece(piece), first = pick((uint32_t)len + 1), got;
	int fd = client_connect(port, false);

	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)!send(fd, piece, first, MSG_NOSIGNAL);
	(void)!send(fd, piece + first, len - first, MSG_NOSIGNAL);
	if (pick(2))
		shutdown(fd, SHUT_WR);
	got = pick(8) ? collect(fd, answer, ANSWER_MAX) : 0;
	close(fd);
	if (sane(answer, got))
		return true;
	fprintf(stderr, "garbage: this piece (%zu bytes):\n%.*s\nwas answered:\n%.*s\n", len,
		(int)(len < 512 ? len : 512), piece, (int)(got < 512 ? got : 512), answer);
	return false;
}

int main(int argc, char **argv)
{
	const char *seed = getenv("BH_SEED");
	char *piece = malloc(PIECE_MAX), *answer = malloc(ANSWER_MAX);

	if (argc != 3 || !piece || !answer) {
		fputs("usage: garbage PORT COUNT\n", stderr);
		return 100;
	}
	state = seed ? strtoull(seed, NULL, 0) : (uint64_t)client_now();
	state += !state;
	printf("BH_SEED=%" PRIu64 "\n", state);
	fflush(stdout);
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < atoi(argv[2]); i++)
		if (!try_piece((uint16_t)atoi(argv[1]), piece, answer)) {
			fprintf(stderr, "garbage: piece %d failed\n", i);
			return 1;
		}
	free(piece);
	free(answer);
	return 0;
}
