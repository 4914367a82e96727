/* SPDX-License-Identifier: MIT */
/*
 * client.h: what the test clients share: connecting to a local port, and
 * finding the end of a response. Small on purpose: it understands what our own
 * server may send, and calls everything else broken.
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

/* ns of CLOCK_MONOTONIC. */
int64_t client_now(void);

/* A socket connected to 127.0.0.1:@port with TCP_NODELAY, or -errno. */
int client_connect(uint16_t port, bool nonblocking);

/* Allows as many descriptors as the hard limit does. */
void client_raise_files(void);

/* 1: @res is whole; 0: more bytes are needed; -1: this is no response. */
int client_parse(const char *buf, size_t len, struct client_response *res);

#endif
