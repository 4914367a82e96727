/* SPDX-License-Identifier: MIT */
/*
 * test_http_request.c: the demo service's request reader by itself.
 *
 * The property behind most of it: however the bytes are cut into pieces, the
 * same requests come out.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/http/request.h"
#include "tests/check_run.h"
#include "tests/ipc/dice.h"

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

/*
 * Bytes in which a proxy and this server could see different requests (RFC 9112, 11.2,
 * and the rules it rests on). Each is fed in every size of pieces: a refusal that
 * depends on where the network cuts is none. Status 0: the request is whole, its body
 * is `body`.
 */
#define POST "POST /echo HTTP/1.1\r\nHost: a\r\n"
#define OLD  "POST /echo HTTP/1.0\r\n"
static const struct framing {
	int status;
	const char *text, *body;
} framings[] = {
	/* 7.1: chunks */
	{ 0, POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello" },
	{ 0, POST "Transfer-Encoding: chunked \r\n\r\n5;x=y\r\nhello\r\n0\r\n\r\n", "hello" },
	{ 400, POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n", NULL },
	{ 400, POST "Transfer-Encoding: chunked\r\n\r\n5\rXhello\r\n0\r\n\r\n", NULL },
	{ 400, POST "Transfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n", NULL },
	{ 400, POST "Transfer-Encoding: chunked\r\n\r\n5;x=\ny\r\nhello\r\n0\r\n\r\n", NULL },
	{ 400, POST "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", NULL },
	{ 400, POST "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", NULL },
	{ 400, POST "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n", NULL },
	{ 400, POST "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n", NULL },
	{ 400, POST "Transfer-Encoding: chunked\r\n\r\n\r\n5\r\nhello\r\n0\r\n\r\n", NULL },
	{ 400, POST "Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n", NULL },
	/* 6.1: codings */
	{ 400, POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", NULL },
	{ 400, POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", NULL },
	{ 400, POST "Transfer-Encoding: chunked, chunked\r\n\r\n", NULL },
	{ 400, POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", NULL },
	{ 400, POST "Transfer-Encoding:\r\n\r\n", NULL },
	{ 501, POST "Transfer-Encoding: gzip, chunked\r\n\r\n", NULL },
	{ 501, POST "Transfer-Encoding: identity\r\n\r\n", NULL },
	{ 501, POST "Transfer-Encoding: xchunked\r\n\r\n", NULL },
	{ 501, POST "Transfer-Encoding: chunked;q=1\r\n\r\n", NULL },
	{ 400, OLD "Transfer-Encoding: chunked\r\n\r\n", NULL },
	/* 6.3: lengths */
	{ 0, POST "Content-Length: 5\r\n\r\nhello", "hello" },
	{ 400, POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", NULL },
	{ 400, POST "Content-Length: 5, 5\r\n\r\n", NULL },
	{ 400, POST "Content-Length: +5\r\n\r\n", NULL },
	{ 400, POST "Content-Length: -5\r\n\r\n", NULL },
	{ 400, POST "Content-Length: 0x5\r\n\r\n", NULL },
	{ 400, POST "Content-Length: 5 5\r\n\r\n", NULL },
	{ 400, POST "Content-Length: 18446744073709551621\r\n\r\n", NULL },
	/* 5.1, 5.2: fields */
	{ 400, POST "Content-Length : 5\r\n\r\n", NULL },
	{ 400, POST "Content-Length\t: 5\r\n\r\n", NULL },
	{ 400, POST "X Y: b\r\n\r\n", NULL },
	{ 400, POST "Expect : x\r\n\r\n", NULL },
	{ 400, POST ": x\r\n\r\n", NULL },
	{ 400, POST "X: a\r\n b\r\n\r\n", NULL },
	{ 400, POST "Content-Length:\r\n 5\r\n\r\nhello", NULL },
	{ 400, POST " X: a\r\n\r\n", NULL },
	{ 400, "\r\n\r\n" POST "X: a\r\n\tb\r\n\r\n", NULL },
	{ 400, "GET / HTTP/1.1\r\n Host: a\r\n\r\n", NULL },
	/* 2.2: line ends */
	{ 400, POST "X: a\rContent-Length: 5\r\n\r\n", NULL },
	{ 400, POST "X: a\nContent-Length: 5\r\n\r\nhello", NULL },
	{ 400, "GET / HTTP/1.1\nHost: a\r\n\r\n", NULL },
	/* 3: request lines */
	{ 505, "GET / HTTP/1.1 x\r\nHost: a\r\n\r\n", NULL },
	{ 400, "GET  HTTP/1.1\r\nHost: a\r\n\r\n", NULL },
	{ 400, "GET hello HTTP/1.1\r\nHost: a\r\n\r\n", NULL },
	{ 400, "GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n", NULL },
	{ 400, "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", NULL },
	{ 505, "GET / HTTP/3.1\r\nHost: a\r\n\r\n", NULL },
};

enum {
	N_FRAMINGS = sizeof(framings) / sizeof(framings[0])
};

START_TEST(ambiguous_framing_is_refused)
{
	const struct framing *f = &framings[_i];
	size_t len = strlen(f->text);

	for (size_t piece = 1; piece <= len; piece++) {
		ck_assert_int_eq(http_reader_init(&reader), 0);
		size_t taken = feed(f->text, len, piece);

		ck_assert_msg(reader.status == f->status, "pieces of %zu: status %d, not %d: %s",
			      piece, reader.status, f->status, f->text);
		ck_assert(reader.complete == !f->status);
		if (!f->status) {
			ck_assert_uint_eq(taken, len);
			assert_text(reader.request->text + reader.request->body_off,
				    reader.request->body_len, f->body);
		}
		free(reader.request);
		reader.request = NULL;
	}
}
END_TEST

START_TEST(a_nul_is_refused)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n";

	feed(text, sizeof(text) - 1, SIZE_MAX);
	ck_assert_int_eq(reader.status, 400);
}
END_TEST

START_TEST(json_is_sent_to_those_who_ask_for_it)
{
	static const struct {
		const char *accept;
		int json;
	} cases[] = {
		{ "application/json", 1 },
		{ "text/html, application/json;q=0.5", 1 },
		{ "Application/JSON ;charset=utf-8", 1 },
		{ "application/json;q=0", 0 },
		{ "application/json; q=0.000", 0 },
		{ "application/json-seq", 0 },
		{ "*/*", 0 },
		{ "", 0 },
	};
	char text[200];

	snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\nAccept: %s\r\n\r\n",
		 cases[_i].accept);
	ck_assert_int_eq(status_of(text), 0);
	ck_assert(reader.complete);
	ck_assert_int_eq(reader.request->wants_json, cases[_i].json);
}
END_TEST

START_TEST(blanks_around_a_value_are_no_part_of_it)
{
	ck_assert_int_eq(status_of("POST / HTTP/1.1\r\nHost: a\r\nContent-Type: \ttext/x \t \r\n"
				   "Expect: 100-continue \r\nContent-Length: 2\r\n\r\n"),
			 0);
	assert_text(reader.request->text + reader.request->type_off, reader.request->type_len,
		    "text/x");
	ck_assert(reader.expects_continue);
}
END_TEST

START_TEST(old_clients_expect_nothing)
{
	ck_assert_int_eq(status_of(OLD "Expect: miracles\r\nContent-Length: 2\r\n\r\n"), 0);
	ck_assert(reader.headers_done && !reader.expects_continue);
}
END_TEST

START_TEST(trailers_and_extensions_have_a_limit)
{
	static const char *const before[] = {
		POST "Transfer-Encoding: chunked\r\n\r\n0\r\nX: ",
		POST "Transfer-Encoding: chunked\r\n\r\n5;x=",
	};

	ck_assert_int_eq(status_of_long(before[_i], HTTP_HEADER_MAX + 1, "\r\n"), 431);
}
END_TEST

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

/* What came of some bytes. */
struct outcome {
	bool complete, refused;
	uint32_t body_len, path_len;
	char body[64], path[64];
};

static struct outcome outcome_of(const char *data, size_t len, size_t piece)
{
	struct outcome o = { 0 };

	ck_assert_int_eq(http_reader_init(&reader), 0);
	ck_assert_uint_le(feed(data, len, piece), len);
	const struct http_request *q = reader.request;

	o.refused = reader.status != 0;
	o.complete = reader.complete && !o.refused;
	if (o.complete) {
		o.body_len = q->body_len;
		o.path_len = q->path_len;
		ck_assert_uint_le(q->body_off + q->body_len, q->text_len);
		ck_assert_uint_le(q->path_off + q->path_len, q->text_len);
		memcpy(o.body, q->text + q->body_off, o.body_len < 64 ? o.body_len : 64);
		memcpy(o.path, q->text + q->path_off, o.path_len < 64 ? o.path_len : 64);
	}
	free(reader.request);
	reader.request = NULL;
	return o;
}

/* Overwrites, inserts or drops a few bytes; of those that matter to the framing more often
 * than of others. */
static size_t mutate(char *data, size_t len, size_t size)
{
	static const char spice[] = "\r\n\r\n :;,\t05fF+-xX/?#*\0\x7f\xff";

	for (uint32_t n = 1 + dice_below(3); n && len > 1; n--) {
		size_t at = dice_below((uint32_t)len);
		uint32_t how = dice_below(3);
		char c = dice_below(4) ? spice[dice_below(sizeof(spice))] : (char)dice_roll();

		if (how == 0) {
			data[at] = c;
		} else if (how == 1 && len < size) {
			memmove(data + at + 1, data + at, len++ - at);
			data[at] = c;
		} else {
			memmove(data + at, data + at + 1, --len - at);
		}
	}
	return len;
}

/* Whatever comes, the reader keeps its bounds, and the cut of the bytes decides nothing. */
START_TEST(mutated_requests_mean_the_same_in_any_pieces)
{
	char data[512];

	dice_seed();
	for (int i = 0; i < 20000; i++) {
		const char *from = dice_below(8) ? framings[dice_below(N_FRAMINGS)].text : pipeline;
		size_t len = strlen(from);

		memcpy(data, from, len);
		len = mutate(data, len, sizeof(data));
		struct outcome whole = outcome_of(data, len, SIZE_MAX);
		struct outcome cut = outcome_of(data, len, 1 + dice_below(1u << dice_below(8)));

		ck_assert_msg(!memcmp(&whole, &cut, sizeof(cut)), "differs when cut: %.*s",
			      (int)len, data);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("e2e.http_request");
	TCase *core = tcase_create("core"), *cuts = tcase_create("cuts"),
	      *limits = tcase_create("limits");

	tcase_add_checked_fixture(core, set_up, tear_down);
	tcase_add_loop_test(core, requests_are_the_same_in_any_pieces, 1, sizeof(pipeline));
	tcase_add_loop_test(core, refusals_have_their_status, 0, 13);
	tcase_add_test(core, a_nul_is_refused);
	tcase_add_loop_test(core, json_is_sent_to_those_who_ask_for_it, 0, 8);
	tcase_add_test(core, blanks_around_a_value_are_no_part_of_it);
	tcase_add_test(core, old_clients_expect_nothing);
	tcase_add_test(core, upgrade_is_declined_not_followed);
	tcase_add_test(core, expectation_is_seen_before_the_body);
	suite_add_tcase(suite, core);
	/* They make a reader for each cut. */
	tcase_add_loop_test(cuts, ambiguous_framing_is_refused, 0, N_FRAMINGS);
	tcase_add_test(cuts, mutated_requests_mean_the_same_in_any_pieces);
	suite_add_tcase(suite, cuts);
	tcase_add_checked_fixture(limits, set_up, tear_down);
	tcase_add_loop_test(limits, url_limit_is_exact, 0, 2);
	tcase_add_loop_test(limits, long_headers_are_refused, 0, 2);
	tcase_add_test(limits, chunked_bodies_have_the_limit_too);
	tcase_add_loop_test(limits, trailers_and_extensions_have_a_limit, 0, 2);
	tcase_add_test(limits, the_largest_request_fits_a_task_argument);
	suite_add_tcase(suite, limits);
	return bh_check_run(suite);
}
