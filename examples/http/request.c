/* SPDX-License-Identifier: MIT */
/*
 * request.c: the parser's callbacks, and the limits they keep.
 *
 * llhttp is strict about framing: where a proxy in front of this server and the server
 * could see different requests in the same bytes (RFC 9112, 11.2), it refuses them. What it
 * leaves to its user is refused here: transfer codings other than one `chunked`, a coding in
 * HTTP/1.0, several Host fields, lines that are folded or end in a line feed alone.
 *
 * A callback that returns -1 stops the parser; `status` then says why. The end of a
 * request pauses it, which is how pipelined requests are told apart.
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

static struct http_reader *reader_of(llhttp_t *p)
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

static int on_begin(llhttp_t *p)
{
	reader_of(p)->begun = true;
	return 0;
}

static int on_url(llhttp_t *p, const char *at, size_t len)
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
		{ "transfer-encoding", HTTP_FIELD_TRANSFER_ENCODING },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i].name) == len && strncasecmp(known[i].name, name, len) == 0)
			return known[i].field;
	return HTTP_FIELD_OTHER;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The part of a value, without blanks around it. */
struct part {
	const char *at;
	size_t len;
};

static struct part trimmed(const char *at, size_t len)
{
	while (len && is_blank(at[len - 1]))
		len--;
	for (; len && is_blank(*at); at++)
		len--;
	return (struct part){ at, len };
}

static bool is_word(struct part p, const char *word)
{
	return p.len == strlen(word) && strncasecmp(p.at, word, p.len) == 0;
}

/* Takes what stands before the next @sep off the front of @rest. */
static struct part next_part(struct part *rest, char sep)
{
	const char *end = memchr(rest->at, sep, rest->len);
	size_t len = end ? (size_t)(end - rest->at) : rest->len;
	struct part p = trimmed(rest->at, len);

	len += end != NULL;
	rest->at += len;
	rest->len -= len;
	return p;
}

/* "q=0", "q=0.", "q=0.000": what is so weighted is not wanted (RFC 9110, 12.4.2). */
static bool is_weight_zero(struct part p)
{
	if (p.len < 3 || (p.at[0] | 0x20) != 'q' || p.at[1] != '=')
		return false;
	for (size_t i = 2; i < p.len; i++)
		if (p.at[i] != '0' && p.at[i] != '.')
			return false;
	return true;
}

/* True if @value, of an Accept field, asks for JSON by name. */
static bool accepts_json(struct part value)
{
	while (value.len) {
		struct part range = next_part(&value, ',');
		bool json = is_word(next_part(&range, ';'), "application/json");

		while (json && range.len)
			json = !is_weight_zero(next_part(&range, ';'));
		if (json)
			return true;
	}
	return false;
}

/* One coding, `chunked`, is all that this server decodes. @value: of a Transfer-Encoding
 * field. 0, or the status to refuse with. */
static int coding_status(struct part value)
{
	int chunked = 0, others = 0;

	while (value.len) {
		if (is_word(next_part(&value, ','), "chunked"))
			chunked++;
		else
			others++;
	}
	if (others)
		return 501;
	return chunked == 1 ? 0 : 400;
}

static int keep_type(struct http_reader *r, struct part value)
{
	struct http_request *q = r->request;

	if (q->type_len || value.len == 0 || r->value_len >= sizeof(r->value))
		return 0;
	q->type_off = q->text_len;
	q->type_len = (uint32_t)value.len;
	return append(r, value.at, value.len);
}

static int keep_coding(struct http_reader *r, struct part value)
{
	int status = r->value_len >= sizeof(r->value) ? 501 : coding_status(value);

	if (r->codings++)
		status = 400;
	return status ? refuse(r, status) : 0;
}

/* The field's value came in a request of HTTP/1.1. */
static int keep_expectation(struct http_reader *r, struct part value)
{
	if (r->parser.http_minor == 0)
		return 0; /* RFC 9110, 10.1.1 */
	if (!is_word(value, "100-continue"))
		return refuse(r, 417);
	r->expects_continue = true;
	return 0;
}

/* A header is whole: its name in `name`, its value (perhaps cut) in `value`. */
static int on_header_end(llhttp_t *p)
{
	struct http_reader *r = reader_of(p);
	struct part value = trimmed(r->value, r->value_len);
	enum http_field field = field_of(r->name, r->name_len);

	if (r->headers_done)
		return 0;
	if (r->name_len == 0)
		return refuse(r, 400);
	r->name_len = r->value_len = 0;
	switch (field) {
	case HTTP_FIELD_ACCEPT:
		r->request->wants_json |= accepts_json(value);
		return 0;
	case HTTP_FIELD_CONTENT_TYPE:
		return keep_type(r, value);
	case HTTP_FIELD_EXPECT:
		return keep_expectation(r, value);
	case HTTP_FIELD_HOST:
		return r->hosts++ ? refuse(r, 400) : 0;
	case HTTP_FIELD_TRANSFER_ENCODING:
		return keep_coding(r, value);
	case HTTP_FIELD_OTHER:
		return 0;
	}
	return 0;
}

/* Of what comes behind the headers and is no body. */
static int on_tail(llhttp_t *p, const char *at, size_t len)
{
	struct http_reader *r = reader_of(p);

	(void)at;
	r->tail_len += len;
	return r->tail_len > HTTP_HEADER_MAX ? refuse(r, 431) : 0;
}

static int on_header_field(llhttp_t *p, const char *at, size_t len)
{
	struct http_reader *r = reader_of(p);

	if (r->headers_done)
		return on_tail(p, at, len); /* a trailer */
	for (size_t i = 0; i < len && r->name_len < sizeof(r->name); i++)
		r->name[r->name_len++] = at[i];
	return 0;
}

static int on_header_value(llhttp_t *p, const char *at, size_t len)
{
	struct http_reader *r = reader_of(p);

	if (r->headers_done)
		return on_tail(p, at, len);
	if (len > sizeof(r->value) - r->value_len)
		len = sizeof(r->value) - r->value_len;
	memcpy(r->value + r->value_len, at, len);
	r->value_len += len;
	return 0;
}

/* Finds path and query in the target, which stands first in the text: of origin form, of
 * absolute form, or "*" (RFC 9112, 3.2). */
static int split_target(struct http_reader *r)
{
	struct http_request *q = r->request;
	uint32_t len = q->type_len ? q->type_off : q->text_len;
	const char *text = q->text, *end = text + len, *at = text, *query, *stop;

	if (len > 7 && strncasecmp(text, "http://", 7) == 0) {
		for (at = text + 7; at < end && *at != '/' && *at != '?'; at++)
			;
		if (at == text + 7)
			return refuse(r, 400);
	} else if (len == 0 || (*at != '/' && !(len == 1 && *at == '*'))) {
		return refuse(r, 400);
	}
	stop = memchr(at, '#', (size_t)(end - at)); /* no part of a target */
	if (stop)
		return refuse(r, 400);
	query = memchr(at, '?', (size_t)(end - at));
	q->path_off = (uint16_t)(at - text);
	q->path_len = (uint16_t)((query ? query : end) - at);
	if (query) {
		q->query_off = (uint16_t)(query + 1 - text);
		q->query_len = (uint16_t)(end - query - 1);
	}
	return 0;
}

static int on_headers_complete(llhttp_t *p)
{
	struct http_reader *r = reader_of(p);
	struct http_request *q = r->request;

	if (p->method == HTTP_CONNECT)
		return refuse(r, 501);
	if (p->http_major != 1)
		return refuse(r, 505);
	if (p->http_minor > 0 && r->hosts == 0)
		return refuse(r, 400);
	/* Framing that only one of two on the way may understand (RFC 9112, 6.1). */
	if (r->codings && (p->http_minor == 0 || p->flags & F_CONTENT_LENGTH))
		return refuse(r, 400);
	if (p->flags & F_CONTENT_LENGTH && p->content_length > HTTP_BODY_MAX)
		return refuse(r, 413);
	p->upgrade = 0; /* an offer, which we may decline by going on as before */
	q->method = p->method;
	q->body_off = q->text_len;
	r->headers_done = true;
	return split_target(r);
}

static int on_body(llhttp_t *p, const char *at, size_t len)
{
	struct http_reader *r = reader_of(p);

	if (r->request->body_len + len > HTTP_BODY_MAX)
		return refuse(r, 413);
	r->request->body_len += (uint32_t)len;
	return append(r, at, len);
}

static int on_complete(llhttp_t *p)
{
	struct http_reader *r = reader_of(p);

	r->complete = true;
	r->keep_alive = llhttp_should_keep_alive(p);
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_message_begin = on_begin,
	.on_url = on_url,
	.on_header_field = on_header_field,
	.on_header_value = on_header_value,
	.on_header_value_complete = on_header_end,
	.on_headers_complete = on_headers_complete,
	.on_chunk_extension_name = on_tail,
	.on_chunk_extension_value = on_tail,
	.on_body = on_body,
	.on_message_complete = on_complete,
};

/* What to answer to an error of the parser's own. */
static int status_of(llhttp_errno_t err)
{
	switch (err) {
	case HPE_INVALID_METHOD:
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

int http_reader_init(struct http_reader *r)
{
	memset(r, 0, sizeof(*r));
	llhttp_init(&r->parser, HTTP_REQUEST, &settings);
	return http_reader_next(r);
}

int http_reader_next(struct http_reader *r)
{
	struct http_request *q = r->request;
	size_t capacity = r->capacity;
	llhttp_t parser = r->parser;

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

/* What the parser allows and hardly any two read alike: a line of the headers that begins
 * with a blank goes on from the line before (RFC 9112, 5.2), and a line feed alone ends a
 * line (2.2). Looks at the headers alone: up to the empty line. */
static bool has_odd_line(struct http_reader *r, const char *data, size_t len)
{
	size_t i = 0;

	while (!r->head_begun && i < len && (data[i] == '\r' || data[i] == '\n'))
		i++;
	for (; i < len && !r->head_over; i++) {
		const char *lf;

		r->head_begun = true;
		if (r->last == '\n' && is_blank(data[i]))
			return true;
		if (r->last == '\n' && data[i] == '\r') {
			r->head_over = true;
			return false;
		}
		lf = memchr(data + i, '\n', len - i);
		if (lf && (lf > data + i ? lf[-1] : r->last) != '\r')
			return true;
		r->last = lf ? '\n' : data[len - 1];
		if (!lf)
			return false;
		i = (size_t)(lf - data);
	}
	return false;
}

/* Lets the parser have bytes; returns how many it took. */
static size_t execute(struct http_reader *r, const char *data, size_t len)
{
	bool begun = r->begun;
	llhttp_errno_t err = llhttp_execute(&r->parser, data, len);

	if (err == HPE_OK)
		return len;
	if (err == HPE_PAUSED) {
		llhttp_resume(&r->parser);
	} else if (r->status == 0) {
		r->status = status_of(err);
		if (err == HPE_INVALID_METHOD && (begun || !looks_like_method(data, len)))
			r->status = 400;
	}
	return (size_t)(llhttp_get_error_pos(&r->parser) - data);
}

size_t http_reader_feed(struct http_reader *r, const char *data, size_t len)
{
	size_t room = HTTP_HEADER_MAX - r->head_len;

	if (r->headers_done)
		return execute(r, data, len);
	len = len < room ? len : room;
	if (has_odd_line(r, data, len)) {
		r->status = 400;
		return len;
	}
	size_t taken = execute(r, data, len);

	r->head_len += taken;
	if (r->head_len == HTTP_HEADER_MAX && !r->headers_done && !r->status)
		r->status = 431;
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
