/* SPDX-License-Identifier: MIT */
/*
 * client.h: what the test clients share: connections to a local port on which one
 * request at a time is out, and finding the end of a response. Small on purpose: it
 * understands what our own server may send, and calls everything else broken.
 */
#ifndef BH_TESTS_E2E_CLIENT_H
#define BH_TESTS_E2E_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A response, as it lies in the buffer it was parsed from. */
struct client_response {
	int status;
	const char *body;
	size_t body_len;
	size_t size; /* of it all */
	bool close;  /* "Connection: close" */
};

/* A connection on which one request at a time is out. */
struct client_conn {
	int fd; /* -1: none */
	bool waiting;
	int64_t sent_at;
	size_t len; /* of what has come, in buf */
	char buf[4096];
};

/* The ways in which /crash?how= crashes, and what its report must hold then. */
enum {
	CLIENT_WAYS = 6,
	CLIENT_KILL = 4 /* its own SIGKILL */
};
struct client_way {
	const char *how, *report;
};
extern const struct client_way client_ways[CLIENT_WAYS];

/* ns of CLOCK_MONOTONIC. */
int64_t client_now(void);

/* A socket connected to 127.0.0.1:@port with TCP_NODELAY, or -errno. */
int client_connect(uint16_t port, bool nonblocking);

/* Allows as many descriptors as the hard limit does. */
void client_raise_files(void);

/* 1: @res is whole; 0: more bytes are needed; -1: this is no response. */
int client_parse(const char *buf, size_t len, struct client_response *res);

/* The body holds @text. */
bool client_has(const struct client_response *res, const char *text);

/* Connects @c to @port and has @epfd watch it, with @data, unless it is connected.
 * 0 or -errno. */
int client_open(struct client_conn *c, uint16_t port, int epfd, void *data);
void client_hang_up(struct client_conn *c);

/* Sends a request, which is out from then on. False: the connection has ended. */
bool client_ask(struct client_conn *c, const char *request, size_t len);

/* Takes what has come: > 0: bytes; 0: nothing; -1: the connection has ended. */
int client_take(struct client_conn *c);

/* 1: the answer to the request that is out is whole; 0: more bytes are needed; -1:
 * these are bytes nobody asked for. */
int client_answer(const struct client_conn *c, struct client_response *res);

#endif
