/* SPDX-License-Identifier: MIT */
/*
 * test_http_request.c: the demo service's request reader by itself.
 *
 * The property behind most of it: however the bytes are cut into pieces, the
 * same requests come out.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "examples/http/request.h"
#include "tests/check_run.h"

#include <bulkhead/mem.h>

/* The reader's memory, without a runtime. */
void *bh_alloc(size_t size)
{
	return malloc(size);
}

void *bh_realloc(void *ptr, size_t size)
{
	return realloc(ptr, size);
}

void bh_free(void *ptr)
{
	free(ptr);
}

static struct http_reader reader;

static void set_up(void)
{
	http_reader_setup();
	ck_assert_int_eq(http_reader_init(&reader), 0);
}

static void tear_down(void)
{
	free(reader.request);
}

/* Feeds @len bytes in pieces of at most @piece up to the end of one request or
 * its refusal; returns how many were taken. */
static size_t feed(const char *data, size_t len, size_t piece)
{
	size_t at = 0;

	while (at < len && !reader.complete && !reader.status)
		at += http_reader_feed(&reader, data + at, len - at < piece ? len - at : piece);
	return at;
}

static int status_of(const char *text)
{
	feed(text, strlen(text), SIZE_MAX);
	return reader.status;
}

static void assert_text(const char *at, size_t len, const char *want)
{
	ck_assert_uint_eq(len, strlen(want));
	ck_assert(memcmp(at, want, len) == 0);
}

static const char pipeline[] =
	"POST /echo?a=1&ms=25 HTTP/1.1\r\nHost: test\r\nContent-Type: text/x-one\r\n"
	"Accept: text/html, application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
	"5\r\nfirst\r\n7\r\n second\r\n0\r\nHost: trailer\r\n\r\n"
	"GET http://test/hello HTTP/1.0\r\n\r\n";

START_TEST(requests_are_the_same_in_any_pieces)
{
	size_t piece = (size_t)_i, len = sizeof(pipeline) - 1;
	size_t at = feed(pipeline, len, piece);
	const struct http_request *q = reader.request;

	ck_assert(reader.complete);
	ck_assert(reader.keep_alive);
	ck_assert_int_eq(q->method, HTTP_POST);
	ck_assert_int_eq(q->wants_json, 1);
	assert_text(q->text + q->path_off, q->path_len, "/echo");
	assert_text(q->text + q->type_off, q->type_len, "text/x-one");
	assert_text(q->text + q->body_off, q->body_len, "first second");
	ck_assert_int_eq(http_request_number(q, "ms", 7), 25);
	ck_assert_int_eq(http_request_number(q, "s", 7), 7);

	ck_assert_int_eq(http_reader_next(&reader), 0);
	at += feed(pipeline + at, len - at, piece);
	q = reader.request;
	ck_assert(reader.complete);
	ck_assert(!reader.keep_alive);
	assert_text(q->text + q->path_off, q->path_len, "/hello");
	ck_assert_uint_eq(q->body_len, 0);
	ck_assert_uint_eq(q->type_len, 0);
	ck_assert_uint_eq(at, len);
}
END_TEST

START_TEST(refusals_have_their_status)
{
	static const struct {
		int status;
		const char *text;
	} cases[] = {
		{ 400, "GET /hello HTTP/1.1\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" },
		{ 400, "\x01\x02\x03" },
		{ 400, "get / HTTP/1.1\r\n" },
		{ 400,
		  "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n" },
		{ 400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
		       "Transfer-Encoding: chunked\r\n\r\n" },
		{ 413, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1024001\r\n\r\n" },
		{ 417,
		  "POST / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\nContent-Length: 1\r\n\r\n" },
		{ 501, "BREW / HTTP/1.1\r\n" },
		{ 501, "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n" },
		{ 505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n" },
		{ 505, "GET /\r\n\r\n" },
	};

	ck_assert_int_lt(_i, (int)(sizeof(cases) / sizeof(cases[0])));
	ck_assert_int_eq(status_of(cases[_i].text), cases[_i].status);
}
END_TEST

/* One request whose part @part is @len bytes long. */
static int status_of_long(const char *before, size_t len, const char *after)
{
	size_t head = strlen(before), tail = strlen(after);
	char *text = malloc(head + len + tail);

	memcpy(text, before, head);
	memset(text + head, 'a', len);
	memcpy(text + head + len, after, tail);
	feed(text, head + len + tail, 8192);
	free(text);
	return reader.status;
}

START_TEST(url_limit_is_exact)
{
	int status = status_of_long("GET /", (size_t)(HTTP_URL_MAX - 1 + _i),
				    " HTTP/1.1\r\nHost: a\r\n\r\n");

	ck_assert_int_eq(status, _i ? 414 : 0);
	ck_assert(reader.complete == !_i);
}
END_TEST

START_TEST(long_headers_are_refused)
{
	int status = status_of_long("GET / HTTP/1.1\r\nHost: a\r\nX: ",
				    _i ? HTTP_HEADER_MAX + 1 : HTTP_HEADER_MAX - 64, "\r\n\r\n");

	ck_assert_int_eq(status, _i ? 431 : 0);
}
END_TEST

START_TEST(chunked_bodies_have_the_limit_too)
{
	char chunk[4096 + 8];
	size_t sent = 0;

	ck_assert_int_eq(status_of("POST /echo HTTP/1.1\r\nHost: a\r\n"
				   "Transfer-Encoding: chunked\r\n\r\n"),
			 0);
	memcpy(chunk, "1000\r\n", 6);
	memset(chunk + 6, 'x', 4096);
	memcpy(chunk + 6 + 4096, "\r\n", 2);
	while (!reader.status && sent < 2 * HTTP_BODY_MAX) {
		feed(chunk, sizeof(chunk), SIZE_MAX);
		sent += 4096;
	}
	ck_assert_int_eq(reader.status, 413);
	ck_assert_uint_le(reader.request->body_len, HTTP_BODY_MAX);
}
END_TEST

START_TEST(the_largest_request_fits_a_task_argument)
{
	ck_assert_uint_le(sizeof(struct http_request) + HTTP_URL_MAX + HTTP_TYPE_MAX +
				  HTTP_BODY_MAX,
			  1u << 20);
}
END_TEST

START_TEST(upgrade_is_declined_not_followed)
{
	ck_assert_int_eq(status_of("GET /hello HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n"
				   "Connection: Upgrade\r\n\r\n"),
			 0);
	ck_assert(reader.complete);
	ck_assert(reader.keep_alive);
}
END_TEST

START_TEST(expectation_is_seen_before_the_body)
{
	ck_assert_int_eq(status_of("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
				   "Content-Length: 3\r\n\r\n"),
			 0);
	ck_assert(reader.headers_done && reader.expects_continue && !reader.complete);
	ck_assert_int_eq(status_of("abc"), 0);
	ck_assert(reader.complete);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("e2e.http_request");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits");

	tcase_add_checked_fixture(core, set_up, tear_down);
	tcase_add_loop_test(core, requests_are_the_same_in_any_pieces, 1, sizeof(pipeline));
	tcase_add_loop_test(core, refusals_have_their_status, 0, 13);
	tcase_add_test(core, upgrade_is_declined_not_followed);
	tcase_add_test(core, expectation_is_seen_before_the_body);
	suite_add_tcase(suite, core);
	tcase_add_checked_fixture(limits, set_up, tear_down);
	tcase_add_loop_test(limits, url_limit_is_exact, 0, 2);
	tcase_add_loop_test(limits, long_headers_are_refused, 0, 2);
	tcase_add_test(limits, chunked_bodies_have_the_limit_too);
	tcase_add_test(limits, the_largest_request_fits_a_task_argument);
	suite_add_tcase(suite, limits);
	return bh_check_run(suite);
}
