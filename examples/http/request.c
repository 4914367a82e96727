/* SPDX-License-Identifier: MIT */
/*
 * request.c: the parser's callbacks, and the limits they keep.
 *
 * A callback that returns non-zero stops the parser; `status` then says why.
 * The end of a request pauses it, which is how pipelined requests are told
 * apart.
 */
#include "request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <bulkhead/mem.h>

enum {
	TEXT_FIRST = 512,
	TEXT_KEPT = 8 << 10
};

static struct http_reader *reader_of(http_parser *p)
{
	return p->data;
}

static int refuse(struct http_reader *r, int status)
{
	r->status = status;
	return -1;
}

/* Appends to the request's text; grows it by doubling. */
static int append(struct http_reader *r, const char *at, size_t len)
{
	struct http_request *q = r->request;

	if (len > r->capacity - q->text_len) {
		size_t want = r->capacity;

		while (want - q->text_len < len)
			want *= 2;
		q = bh_realloc(q, sizeof(*q) + want);
		if (!q)
			return refuse(r, 503);
		r->request = q;
		r->capacity = want;
	}
	memcpy(q->text + q->text_len, at, len);
	q->text_len += (uint32_t)len;
	return 0;
}

static int on_begin(http_parser *p)
{
	reader_of(p)->begun = true;
	return 0;
}

static int on_url(http_parser *p, const char *at, size_t len)
{
	struct http_reader *r = reader_of(p);

	if (r->request->text_len + len > HTTP_URL_MAX)
		return refuse(r, 414);
	return append(r, at, len);
}

static enum http_field field_of(const char *name, size_t len)
{
	static const struct {
		const char *name;
		enum http_field field;
	} known[] = {
		{ "accept", HTTP_FIELD_ACCEPT },
		{ "content-type", HTTP_FIELD_CONTENT_TYPE },
		{ "expect", HTTP_FIELD_EXPECT },
		{ "host", HTTP_FIELD_HOST },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i].name) == len && strncasecmp(known[i].name, name, len) == 0)
			return known[i].field;
	return HTTP_FIELD_OTHER;
}

static bool value_has(const struct http_reader *r, const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; i + len <= r->value_len; i++)
		if (strncasecmp(r->value + i, word, len) == 0)
			return true;
	return false;
}

static int keep_type(struct http_reader *r)
{
	struct http_request *q = r->request;

	if (q->type_len || r->value_len == 0 || r->value_len >= sizeof(r->value))
		return 0;
	q->type_off = q->text_len;
	q->type_len = (uint32_t)r->value_len;
	return append(r, r->value, r->value_len);
}

/* A header is whole: its name in `name`, its value (perhaps cut) in `value`. */
static int end_of_header(struct http_reader *r)
{
	if (!r->in_value)
		return 0;
	r->in_value = false;
	r->name_len = 0;
	switch (r->field) {
	case HTTP_FIELD_ACCEPT:
		if (value_has(r, "application/json"))
			r->request->wants_json = 1;
		return 0;
	case HTTP_FIELD_CONTENT_TYPE:
		return keep_type(r);
	case HTTP_FIELD_EXPECT:
		if (r->value_len != 12 || !value_has(r, "100-continue"))
			return refuse(r, 417);
		r->expects_continue = true;
		return 0;
	case HTTP_FIELD_HOST:
		return r->hosts++ ? refuse(r, 400) : 0;
	case HTTP_FIELD_OTHER:
		return 0;
	}
	return 0;
}

static int on_header_field(http_parser *p, const char *at, size_t len)
{
	struct http_reader *r = reader_of(p);

	if (r->headers_done)
		return 0; /* a trailer */
	if (end_of_header(r))
		return -1;
	for (size_t i = 0; i < len && r->name_len < sizeof(r->name); i++)
		r->name[r->name_len++] = at[i];
	return 0;
}

static int on_header_value(http_parser *p, const char *at, size_t len)
{
	struct http_reader *r = reader_of(p);

	if (r->headers_done)
		return 0;
	if (!r->in_value) {
		r->in_value = true;
		r->value_len = 0;
		r->field = field_of(r->name, r->name_len);
	}
	if (len > sizeof(r->value) - r->value_len)
		len = sizeof(r->value) - r->value_len;
	memcpy(r->value + r->value_len, at, len);
	r->value_len += len;
	return 0;
}

/* Finds path and query in the target, which stands first in the text and may be
 * of absolute form. */
static int split_target(struct http_reader *r)
{
	struct http_request *q = r->request;
	uint32_t len = q->type_len ? q->type_off : q->text_len;
	struct http_parser_url url;

	http_parser_url_init(&url);
	if (http_parser_parse_url(q->text, len, 0, &url))
		return refuse(r, 400);
	if (url.field_set & (1 << UF_PATH)) {
		q->path_off = url.field_data[UF_PATH].off;
		q->path_len = url.field_data[UF_PATH].len;
	}
	if (url.field_set & (1 << UF_QUERY)) {
		q->query_off = url.field_data[UF_QUERY].off;
		q->query_len = url.field_data[UF_QUERY].len;
	}
	return 0;
}

static int on_headers_complete(http_parser *p)
{
	struct http_reader *r = reader_of(p);
	struct http_request *q = r->request;

	if (end_of_header(r))
		return -1;
	if (p->method == HTTP_CONNECT)
		return refuse(r, 501);
	if (p->http_major != 1)
		return refuse(r, 505);
	if (p->http_minor > 0 && r->hosts == 0)
		return refuse(r, 400);
	if (p->content_length != UINT64_MAX && p->content_length > HTTP_BODY_MAX)
		return refuse(r, 413);
	p->upgrade = 0; /* an offer, which we may decline by going on as before */
	q->method = (uint8_t)p->method;
	q->body_off = q->text_len;
	r->headers_done = true;
	return split_target(r);
}

static int on_body(http_parser *p, const char *at, size_t len)
{
	struct http_reader *r = reader_of(p);

	if (r->request->body_len + len > HTTP_BODY_MAX)
		return refuse(r, 413);
	r->request->body_len += (uint32_t)len;
	return append(r, at, len);
}

static int on_complete(http_parser *p)
{
	struct http_reader *r = reader_of(p);

	r->complete = true;
	r->keep_alive = http_should_keep_alive(p);
	http_parser_pause(p, 1);
	return 0;
}

static const http_parser_settings settings = {
	.on_message_begin = on_begin,
	.on_url = on_url,
	.on_header_field = on_header_field,
	.on_header_value = on_header_value,
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_message_complete = on_complete,
};

/* What to answer to an error of the parser's own. */
static int status_of(enum http_errno err)
{
	switch (err) {
	case HPE_HEADER_OVERFLOW:
		return 431;
	case HPE_INVALID_METHOD:
	case HPE_INVALID_TRANSFER_ENCODING:
		return 501;
	case HPE_INVALID_VERSION:
		return 505;
	default:
		return 400;
	}
}

/* A method nobody knows is one thing (501), bytes that are no method another. */
static bool looks_like_method(const char *data, size_t len)
{
	size_t i = 0;

	while (i < len && i < 32 && data[i] >= 'A' && data[i] <= 'Z')
		i++;
	return i > 0 && i < len && data[i] == ' ';
}

void http_reader_setup(void)
{
	http_parser_set_max_header_size(HTTP_HEADER_MAX);
}

int http_reader_init(struct http_reader *r)
{
	memset(r, 0, sizeof(*r));
	http_parser_init(&r->parser, HTTP_REQUEST);
	return http_reader_next(r);
}

int http_reader_next(struct http_reader *r)
{
	struct http_request *q = r->request;
	size_t capacity = r->capacity;
	http_parser parser = r->parser;

	if (!q || capacity > TEXT_KEPT) {
		bh_free(q);
		capacity = TEXT_FIRST;
		q = bh_alloc(sizeof(*q) + capacity);
	}
	memset(r, 0, sizeof(*r));
	if (!q)
		return -ENOMEM;
	memset(q, 0, sizeof(*q));
	r->request = q;
	r->capacity = capacity;
	r->parser = parser;
	r->parser.data = r;
	return 0;
}

size_t http_reader_feed(struct http_reader *r, const char *data, size_t len)
{
	bool begun = r->begun;
	size_t taken = http_parser_execute(&r->parser, &settings, data, len);
	enum http_errno err = HTTP_PARSER_ERRNO(&r->parser);

	if (err == HPE_PAUSED) {
		http_parser_pause(&r->parser, 0);
	} else if (err != HPE_OK && r->status == 0) {
		r->status = status_of(err);
		if (err == HPE_INVALID_METHOD && (begun || !looks_like_method(data, len)))
			r->status = 400;
	}
	return taken;
}

/* The value of ?@key= in the query; NULL if absent. */
static const char *find_value(const struct http_request *q, const char *key, size_t *len)
{
	const char *at = q->text + q->query_off, *end = at + q->query_len;
	size_t key_len = strlen(key);

	while (at < end) {
		const char *amp = memchr(at, '&', (size_t)(end - at));
		const char *stop = amp ? amp : end;

		if ((size_t)(stop - at) > key_len && memcmp(at, key, key_len) == 0 &&
		    at[key_len] == '=') {
			*len = (size_t)(stop - at) - key_len - 1;
			return at + key_len + 1;
		}
		at = amp ? amp + 1 : end;
	}
	return NULL;
}

bool http_request_value(const struct http_request *q, const char *key, char *buf, size_t size)
{
	size_t len = 0;
	const char *value = find_value(q, key, &len);

	if (!value)
		return false;
	if (len >= size)
		len = size - 1;
	memcpy(buf, value, len);
	buf[len] = '\0';
	return true;
}

int64_t http_request_number(const struct http_request *q, const char *key, int64_t otherwise)
{
	char buf[16], *end;
	long value;

	if (!http_request_value(q, key, buf, sizeof(buf)))
		return otherwise;
	if (buf[0] < '0' || buf[0] > '9')
		return -1;
	value = strtol(buf, &end, 10);
	return *end == '\0' && value <= INT32_MAX ? value : -1;
}
