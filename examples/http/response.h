/* SPDX-License-Identifier: MIT */
/*
 * response.h: answers, on their two ways: from a handler to its connection (a
 * task's reply), and from the connection to the client (bytes).
 */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bulkhead/net.h>

#define HTTP_TEXT "text/plain; charset=utf-8"
#define HTTP_HTML "text/html; charset=utf-8"
#define HTTP_JSON "application/json"

enum {
	HTTP_OUT_MAX = 8 << 10
};

/* What a handler leaves for the connection. */
struct http_reply {
	uint32_t status;
	uint32_t type_len;
	uint32_t body_len;
	char text[]; /* type, then body */
};

/* In a handler: answers the request. 0, or a negative error. */
int http_reply(int status, const char *type, size_t type_len, const void *body, size_t len);

/* As http_reply(), with plain text made from a format; at most 1 KiB of it. */
int http_reply_text(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Where a connection gathers what it writes. Answers of pipelined requests
 * leave in one write; what does not fit goes out at once. */
struct http_out {
	bh_io io;
	int64_t timeout; /* of one write, in ns */
	bool head;       /* of the request being answered: bodies are left out */
	bool keep_alive;
	bool old;  /* it spoke HTTP/1.0 */
	int error; /* the first write that failed; nothing is sent after it */
	size_t len;
	char buf[HTTP_OUT_MAX];
};

/* Adds one answer. @extra: further header lines, each with its CRLF, or "". */
void http_out_answer(struct http_out *out, int status, const char *extra, const char *type,
		     size_t type_len, const void *body, size_t len);

/* Adds a short answer of the connection's own: a line of text. */
void http_out_text(struct http_out *out, int status, const char *extra, const char *text);

/* Adds raw bytes. */
void http_out_bytes(struct http_out *out, const void *data, size_t len);

/* Writes what was gathered. 0, or the first error of this connection. */
int http_out_flush(struct http_out *out);

/* "Not Found", or "Unknown". */
const char *http_reason(int status);

#endif
