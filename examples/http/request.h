/* SPDX-License-Identifier: MIT */
/*
 * request.h: from bytes of a connection to one request.
 *
 * A reader is fed what arrives and stops at the end of each request, so that
 * what was pipelined behind it stays with the caller. It never holds more than
 * the limits below; what breaks one of them, or the protocol, leaves a status
 * to answer with, after which the connection is of no more use.
 *
 * A request is one block without pointers: it is copied to the task that
 * handles it, whole, as that task's argument.
 *
 * The reader lies in the connection's memory and may be used in one worker now
 * and in the next one later: it has no private heap.
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <llhttp.h>

enum {
	HTTP_HEADER_MAX = 16 << 10, /* request line and headers together: 431; the same
				     * again for trailers and chunk extensions */
	HTTP_URL_MAX = 8 << 10,     /* 414 */
	/* A task's argument is at most 1 MiB; the rest is for what else is in it. */
	HTTP_BODY_MAX = (1 << 20) - (24 << 10), /* 413 */
	HTTP_TYPE_MAX = 128,                    /* a Content-Type that is longer is ignored */
};

struct http_request {
	uint8_t method; /* llhttp_method_t */
	uint8_t wants_json;
	uint8_t reserved[2];
	uint16_t path_off, path_len; /* in text[], as all that follow */
	uint16_t query_off, query_len;
	uint32_t type_off, type_len;
	uint32_t body_off, body_len;
	uint32_t text_len;
	char text[];
};

enum http_field {
	HTTP_FIELD_OTHER = 0,
	HTTP_FIELD_ACCEPT,
	HTTP_FIELD_CONTENT_TYPE,
	HTTP_FIELD_EXPECT,
	HTTP_FIELD_HOST,
	HTTP_FIELD_TRANSFER_ENCODING,
};

struct http_reader {
	llhttp_t parser;
	struct http_request *request; /* bh_alloc */
	size_t capacity;              /* of request->text */
	size_t head_len;              /* bytes of request line and headers so far, */
	size_t tail_len;              /* and of trailers and chunk extensions */

	int status;      /* != 0: refuse with this and close */
	bool begun;      /* a first byte of a request was seen */
	bool head_begun; /* there was more than empty lines; */
	char last;       /* the last byte of that so far; */
	bool head_over;  /* and the empty line that ends it */
	bool headers_done;
	bool complete; /* the request is whole */
	bool keep_alive;
	bool expects_continue;

	enum http_field field; /* the header whose value comes next */
	bool in_value;
	uint8_t hosts;
	uint8_t codings; /* Transfer-Encoding fields */
	size_t name_len;
	char name[20]; /* of a header: longer ones are of no interest */
	size_t value_len;
	char value[HTTP_TYPE_MAX];
};

/* Errors: -ENOMEM. */
int http_reader_init(struct http_reader *r);

/* Gets ready for the next request of the connection. -ENOMEM. */
int http_reader_next(struct http_reader *r);

/* Takes bytes up to the end of the request. Returns how many; then look at
 * `status` and `complete`. */
size_t http_reader_feed(struct http_reader *r, const char *data, size_t len);

/* Bytes of @q, which is what a task's argument is made of. */
static inline size_t http_request_size(const struct http_request *q)
{
	return sizeof(*q) + q->text_len;
}

/* The value of ?@key=NUMBER; @otherwise if there is none; -1 if it is no number
 * from 0 to INT32_MAX. */
int64_t http_request_number(const struct http_request *q, const char *key, int64_t otherwise);

/* Copies the value of ?@key= to @buf, cut and terminated; false if absent. */
bool http_request_value(const struct http_request *q, const char *key, char *buf, size_t size);

#endif
