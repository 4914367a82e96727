/* SPDX-License-Identifier: MIT */
/* test_buffered.c: buffered.h: readers against a model, writers, copies. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime.h"

#define SOON bh_after(BH_S(60))

struct pair {
	bh_io listener, a, b;
};

static void open_pair(struct pair *p, const char *at)
{
	char address[BH_ADDRESS_MAX];

	CHECK(bh_listen(&p->listener, at) == 0);
	CHECK(bh_local_address(p->listener, address, sizeof(address)) > 0);
	CHECK(bh_connect(&p->a, address, SOON) == 0);
	CHECK(bh_accept(p->listener, &p->b, SOON) == 0);
}

static void close_pair(struct pair *p)
{
	CHECK(bh_close(p->listener) == 0);
	if (p->a)
		CHECK(bh_close(p->a) == 0);
	if (p->b)
		CHECK(bh_close(p->b) == 0);
}

static void put(bh_io io, const char *text)
{
	CHECK(bh_write(io, text, strlen(text), SOON) == (ssize_t)strlen(text));
}

static bool is(const struct bh_bytes *b, const char *text)
{
	return b->len == strlen(text) && memcmp(b->data, text, b->len) == 0;
}

/* -- the reader --------------------------------------------------------------------- */

TEST(lines_and_frames_are_read)
{
	struct pair p;
	struct bh_reader *r;
	struct bh_bytes b;

	open_pair(&p, "127.0.0.1:0");
	CHECK(bh_reader_open(&r, p.b, 0) == 0);
	put(p.a, "GET /\r\n\nA: 1\r\n\r\nbody");
	CHECK(bh_reader_line(r, &b, 0, SOON) == 1 && is(&b, "GET /") && b.data[b.len] == 0);
	CHECK(bh_reader_line(r, &b, 0, SOON) == 1 && is(&b, ""));
	CHECK(bh_reader_readable(r, BH_NOWAIT) == 0);
	CHECK(bh_reader_until(r, &b, "\r\n\r\n", 4, 0, SOON) == 1 && is(&b, "A: 1\r\n\r\n"));
	CHECK(bh_reader_exact(r, &b, 3, SOON) == 1 && is(&b, "bod"));
	CHECK(bh_reader_held(r) == 1);
	CHECK(bh_reader_some(r, &b, 0, SOON) == 1 && is(&b, "y"));
	CHECK(bh_write(p.a, "\0\3abc\0\0\0\0\2de", 12, SOON) == 12);
	CHECK(bh_reader_frame(r, &b, 2, 0, SOON) == 1 && is(&b, "abc"));
	CHECK(bh_reader_frame(r, &b, 1, 0, SOON) == 1 && is(&b, ""));
	CHECK(bh_reader_frame(r, &b, 4, 1, SOON) == -EMSGSIZE);
	CHECK(bh_reader_frame(r, &b, 4, 2, SOON) == 1 && is(&b, "de"));
	CHECK(bh_reader_frame(r, &b, 3, 0, SOON) == -EINVAL);
	CHECK(bh_reader_until(r, &b, "", 0, 0, SOON) == -EINVAL);
	CHECK(bh_reader_exact(r, &b, (64 << 10) + 1, SOON) == -EMSGSIZE);
	bh_reader_close(r);
	bh_reader_close(NULL);
	CHECK(bh_reader_open(&r, p.b, 16 << 20) == -EINVAL);
	close_pair(&p);
}

TEST(an_end_between_lines_is_no_error_and_one_in_the_middle_is)
{
	struct pair p;
	struct bh_reader *r;
	struct bh_bytes b;

	open_pair(&p, "127.0.0.1:0");
	CHECK(bh_reader_open(&r, p.b, 0) == 0);
	put(p.a, "one\ntwo");
	CHECK(bh_shutdown(p.a, BH_HALF_WRITE) == 0);
	CHECK(bh_reader_line(r, &b, 0, SOON) == 1 && is(&b, "one"));
	CHECK(bh_reader_line(r, &b, 0, SOON) == -BH_ETRUNCATED);
	CHECK(bh_reader_exact(r, &b, 4, SOON) == -BH_ETRUNCATED);
	CHECK(bh_reader_frame(r, &b, 4, 0, SOON) == -BH_ETRUNCATED);
	CHECK(bh_reader_some(r, &b, 2, SOON) == 1 && is(&b, "tw"));
	CHECK(bh_reader_some(r, &b, 0, SOON) == 1 && is(&b, "o"));
	CHECK(bh_reader_some(r, &b, 0, SOON) == 0 && bh_reader_line(r, &b, 0, SOON) == 0);
	CHECK(bh_reader_exact(r, &b, 4, SOON) == 0 && bh_reader_frame(r, &b, 4, 0, SOON) == 0);
	close_pair(&p);
}

struct cut {
	struct bh_reader *r;
	struct bh_bytes b;
};

static int64_t read_line(void *arg)
{
	struct cut *c = arg;

	return bh_reader_line(c->r, &c->b, 0, SOON);
}

TEST(what_was_read_before_a_time_limit_or_a_cancel_stays)
{
	struct pair p;
	struct cut c;
	bh_token token;
	int64_t rc;

	open_pair(&p, "127.0.0.1:0");
	CHECK(bh_reader_open(&c.r, p.b, 0) == 0 && bh_token_open(&token, 0) == 0);
	put(p.a, "on");
	CHECK(bh_readable(p.b, SOON) == 0);
	CHECK(bh_reader_line(c.r, &c.b, 0, bh_after(BH_MS(5))) == -BH_ETIMEDOUT);
	CHECK(bh_reader_held(c.r) == 2);
	put(p.a, "e l");
	CHECK(bh_readable(p.b, SOON) == 0);
	CHECK(bh_token_cancel(token) == 0);
	CHECK(bh_token_run(token, read_line, &c, &rc) == -BH_ECANCELED && rc == -BH_ECANCELED);
	put(p.a, "ine\n");
	CHECK(bh_reader_line(c.r, &c.b, 0, SOON) == 1 && is(&c.b, "one line"));
	close_pair(&p);
}

TEST(a_line_over_its_limit_is_told_and_stays)
{
	struct pair p;
	struct bh_reader *r;
	struct bh_bytes b;

	open_pair(&p, "127.0.0.1:0");
	CHECK(bh_reader_open(&r, p.b, 100) == 0);
	put(p.a, "0123456789\nx");
	CHECK(bh_reader_line(r, &b, 10, SOON) == -EMSGSIZE);
	CHECK(bh_reader_line(r, &b, 11, SOON) == 1 && is(&b, "0123456789"));
	for (int i = 0; i < 11; i++)
		put(p.a, "0123456789");
	CHECK(bh_reader_line(r, &b, 0, SOON) == -EMSGSIZE && bh_reader_held(r) == 100);
	CHECK(bh_reader_exact(r, &b, 101, SOON) == -EMSGSIZE);
	CHECK(bh_reader_exact(r, &b, 100, SOON) == 1 && b.data[0] == 'x');
	close_pair(&p);
}

/* -- the reader against a model: any bytes, cut anywhere, any calls ---------------------- */

enum {
	STREAM = 20000
};

struct source {
	bh_io io;
	unsigned seed;
	size_t len;
	char bytes[STREAM];
};

static int64_t send_cut(void *arg)
{
	struct source *s = arg;

	for (size_t at = 0, n; at < s->len; at += n) {
		n = 1 + (size_t)rand_r(&s->seed) % (rand_r(&s->seed) % 8 ? 40 : 9000);
		if (n > s->len - at)
			n = s->len - at;
		CHECK(bh_write(s->io, s->bytes + at, n, SOON) == (ssize_t)n);
		if (rand_r(&s->seed) % 3 == 0)
			CHECK(bh_yield() == 0);
	}
	return 0;
}

struct want {
	int rc;
	size_t skip, len; /* in front of the bytes, and of them */
};

static struct want want_until(const char *p, size_t left, const char *mark, size_t len,
			      size_t limit)
{
	const char *found = memmem(p, left, mark, len);
	size_t n = found ? (size_t)(found - p) + len : left;

	if (n > limit || (!found && n == limit))
		return (struct want){ .rc = -EMSGSIZE };
	return found ? (struct want){ 1, 0, n } : (struct want){ .rc = left ? -BH_ETRUNCATED : 0 };
}

static struct want want_exact(size_t left, size_t skip, size_t n, size_t most)
{
	if (skip + n > most)
		return (struct want){ .rc = -EMSGSIZE };
	if (left < skip + n)
		return (struct want){ .rc = left ? -BH_ETRUNCATED : 0 };
	return (struct want){ 1, skip, n };
}

static struct want want_frame(const char *p, size_t left, unsigned prefix, size_t limit,
			      size_t most)
{
	struct want head = want_exact(left, 0, prefix, most);
	uint64_t n = 0;

	if (head.rc != 1)
		return head;
	for (unsigned i = 0; i < prefix; i++)
		n = n << 8 | (unsigned char)p[i];
	if (n > limit || n > most)
		return (struct want){ .rc = -EMSGSIZE };
	return want_exact(left, prefix, n, most);
}

static size_t one_call(struct bh_reader *r, const char *p, size_t left, size_t most, unsigned *seed)
{
	static const char *const marks[] = { "\n", "\r\n", "a\na", "aab", "\r\n\r\n" };
	size_t ask = (size_t)rand_r(seed) % (rand_r(seed) % 4 ? 30 : most + 20);
	size_t limit = ask && ask < most ? ask : most;
	const char *mark = marks[rand_r(seed) % 5];
	unsigned prefix = 1u << rand_r(seed) % 4;
	struct bh_bytes b = { NULL, 0 };
	struct want w;
	int rc;

	switch (rand_r(seed) % 4) {
	case 0:
		w = want_until(p, left, mark, strlen(mark), limit);
		rc = bh_reader_until(r, &b, mark, strlen(mark), ask, SOON);
		break;
	case 1:
		w = want_exact(left, 0, ask, most);
		rc = bh_reader_exact(r, &b, ask, SOON);
		break;
	case 2:
		w = want_frame(p, left, prefix, limit, most);
		rc = bh_reader_frame(r, &b, prefix, ask, SOON);
		break;
	default:
		rc = bh_reader_some(r, &b, ask, SOON);
		w = (struct want){ left != 0, 0, b.len };
		CHECK(rc != 1 || (b.len > 0 && (!ask || b.len <= ask)));
	}
	CHECK(rc == w.rc && (rc != 1 || b.len == w.len));
	CHECK(rc != 1 || memcmp(b.data, p + w.skip, b.len) == 0);
	return rc == 1 ? w.skip + w.len : 0;
}

static void against_model(unsigned seed)
{
	static const char alphabet[] = { 'a', 'a', 'b', '\n', '\r', 0, 1, 0, 30, 'a' };
	struct source *s = bh_calloc(1, sizeof(*s));
	size_t most = rand_r(&seed) % 2 ? 20 + (size_t)rand_r(&seed) % 200 :
					  4096 + (size_t)rand_r(&seed) % 9000;
	struct bh_spawn_opts opts = { .size = sizeof(opts) };
	struct bh_reader *r;
	struct pair p;
	bh_task sender;

	CHECK(s != NULL);
	s->len = (size_t)rand_r(&seed) % STREAM;
	s->seed = seed;
	for (size_t i = 0; i < s->len; i++)
		s->bytes[i] = alphabet[rand_r(&seed) % sizeof(alphabet)];
	open_pair(&p, seed % 2 ? "127.0.0.1:0" : "unix:@bulkhead-buffered");
	opts.give = s->io = p.a;
	p.a = 0;
	CHECK(bh_reader_open(&r, p.b, most) == 0);
	CHECK(bh_spawn(&sender, send_cut, s, sizeof(*s), &opts) == 0);
	for (size_t at = 0, idle = 0; at < s->len || idle < 20;) {
		at += one_call(r, s->bytes + at, s->len - at, most, &seed);
		idle += at == s->len;
	}
	CHECK(bh_join(sender, NULL, SOON) == 0);
	close_pair(&p);
	bh_reader_close(r);
	bh_free(s);
}

TEST(a_reader_is_what_a_model_says_wherever_the_stream_is_cut)
{
	const char *given = getenv("BH_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 0) : (unsigned)bh_now();

	printf("BH_SEED=%u\n", seed);
	fflush(stdout);
	for (unsigned i = 0; i < (getenv("BH_WHOLE") ? 500 : 60); i++)
		against_model(seed + i);
}

/* -- the writer ------------------------------------------------------------------------ */

static ssize_t arrived(bh_io io)
{
	char c[64];

	return recv(bh_io_fd(io), c, sizeof(c), MSG_PEEK | MSG_DONTWAIT);
}

TEST(a_writer_gathers_until_it_is_flushed)
{
	struct bh_writer *w;
	struct bh_reader *r;
	struct bh_bytes b;
	struct pair p;

	open_pair(&p, "unix:@bulkhead-buffered");
	CHECK(bh_writer_open(&w, p.a, 16) == 0 && bh_reader_open(&r, p.b, 0) == 0);
	CHECK(bh_writer_flush(w, BH_NOWAIT) == 0);
	CHECK(bh_writer_write(w, "0123", 4, SOON) == 0 && arrived(p.b) < 0);
	bh_writer_cork(w);
	bh_writer_cork(w);
	CHECK(bh_writer_flush(w, SOON) == 0 && arrived(p.b) < 0);
	CHECK(bh_writer_uncork(w, SOON) == 0 && arrived(p.b) < 0);
	CHECK(bh_writer_uncork(w, SOON) == 0 && arrived(p.b) == 4);
	CHECK(bh_writer_write(w, "0123456789", 10, SOON) == 0 && arrived(p.b) == 4);
	CHECK(bh_writer_write(w, "abcdefghij", 10, SOON) == 0 && arrived(p.b) == 14);
	CHECK(bh_writer_write(w, "more than there is room for", 27, SOON) == 0);
	CHECK(arrived(p.b) == 51);
	CHECK(bh_reader_exact(r, &b, 51, SOON) == 1);
	CHECK(is(&b, "01230123456789abcdefghijmore than there is room for"));
	CHECK(bh_writer_frame(w, "frame", 5, 2, SOON) == 0);
	CHECK(bh_writer_frame(w, "", 0, 8, SOON) == 0);
	CHECK(bh_writer_frame(w, "x", 256, 1, SOON) == -EMSGSIZE);
	CHECK(bh_writer_frame(w, "x", 1, 3, SOON) == -EINVAL);
	CHECK(bh_writer_flush(w, SOON) == 0);
	CHECK(bh_reader_frame(r, &b, 2, 0, SOON) == 1 && is(&b, "frame"));
	CHECK(bh_reader_frame(r, &b, 8, 0, SOON) == 1 && is(&b, ""));
	bh_writer_close(w);
	bh_writer_close(NULL);
	close_pair(&p);
}

TEST(what_a_flush_had_no_time_for_stays_in_the_writer)
{
	enum {
		PIECE = 50000
	};
	char *piece = bh_calloc(1, PIECE);
	struct bh_writer *w;
	struct bh_reader *r;
	struct bh_bytes b;
	struct pair p;
	int n = 0, err;

	CHECK(piece != NULL);
	open_pair(&p, "127.0.0.1:0");
	CHECK(bh_writer_open(&w, p.a, 2 * PIECE) == 0);
	CHECK(bh_reader_open(&r, p.b, 1 << 20) == 0);
	do {
		memset(piece, n, PIECE);
		err = bh_writer_write(w, piece, PIECE, BH_NOWAIT);
		n += err == 0;
	} while (err == 0);
	CHECK(err == -BH_ETIMEDOUT && n > 2);
	CHECK(bh_writer_flush(w, bh_after(BH_MS(1))) == -BH_ETIMEDOUT);
	for (int i = 0; i < n; i++) {
		err = bh_writer_flush(w, BH_NOWAIT);
		CHECK(err == 0 || err == -BH_ETIMEDOUT);
		if (i == n - 1)
			CHECK(bh_writer_flush(w, SOON) == 0);
		CHECK(bh_reader_exact(r, &b, PIECE, SOON) == 1);
		memset(piece, i, PIECE);
		CHECK(memcmp(b.data, piece, PIECE) == 0);
	}
	close_pair(&p);
}

/* -- copies ---------------------------------------------------------------------------- */

enum {
	MUCH = 8 << 20
};

/* Byte @i of a stream. */
static char byte_at(uint64_t i)
{
	return (char)(i * 2654435761u >> 13);
}

static int64_t pour(void *arg)
{
	bh_io io = *(bh_io *)arg;
	char *part = bh_alloc(1 << 16);

	CHECK(part != NULL);
	for (uint64_t at = 0; at < MUCH; at += 1 << 16) {
		for (size_t i = 0; i < 1 << 16; i++)
			part[i] = byte_at(at + i);
		CHECK(bh_write(io, part, 1 << 16, SOON) == 1 << 16);
	}
	return 0;
}

/* Its value: how many bytes came, all of them right. */
static int64_t drain(void *arg)
{
	bh_io io = *(bh_io *)arg;
	char *part = bh_alloc(1 << 16);
	uint64_t at = 0;
	ssize_t n;

	CHECK(part != NULL);
	while ((n = bh_read(io, part, 1 << 16, SOON)) > 0)
		for (ssize_t i = 0; i < n; i++)
			CHECK(part[i] == byte_at(at++));
	CHECK(n == 0);
	return (int64_t)at;
}

static bh_task give(int64_t (*fn)(void *), bh_io *io)
{
	struct bh_spawn_opts opts = { .size = sizeof(opts), .give = *io };
	bh_task t;

	CHECK(bh_spawn(&t, fn, io, sizeof(*io), &opts) == 0);
	*io = 0;
	return t;
}

static int64_t value_of(bh_task t)
{
	struct bh_result res;

	CHECK(bh_join(t, &res, SOON) == 0 && res.end == BH_END_RETURNED);
	return res.value;
}

static int descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 4096; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void copy_much(const char *from, const char *to)
{
	uint64_t copied;
	struct pair in, out;
	bh_task source, sink;

	open_pair(&in, from);
	open_pair(&out, to);
	source = give(pour, &in.a);
	sink = give(drain, &out.b);
	CHECK(bh_copy(out.a, in.b, 12345, &copied, SOON) == 0 && copied == 12345);
	CHECK(bh_copy(out.a, in.b, UINT64_MAX, &copied, SOON) == 0 && copied == MUCH - 12345);
	CHECK(bh_shutdown(out.a, BH_HALF_WRITE) == 0);
	CHECK(value_of(source) == 0 && value_of(sink) == MUCH);
	close_pair(&in);
	close_pair(&out);
}

TEST(a_copy_is_whole_and_leaves_no_descriptor)
{
	int before;

	copy_much("127.0.0.1:0", "127.0.0.1:0");
	before = descriptors();
	for (int i = 0; i < 8; i++)
		copy_much(i % 2 ? "127.0.0.1:0" : "unix:@bulkhead-buffered-in",
			  i / 2 % 2 ? "127.0.0.1:0" : "unix:@bulkhead-buffered-out");
	CHECK(descriptors() < before + 8);
}

TEST(a_copy_takes_what_is_no_socket)
{
	struct bh_reader *r;
	struct bh_bytes b;
	uint64_t copied;
	struct pair p;
	bh_io in;
	int fd[2];

	open_pair(&p, "127.0.0.1:0");
	CHECK(pipe2(fd, O_CLOEXEC) == 0 && write(fd[1], "from a pipe\n", 12) == 12);
	CHECK(bh_io_adopt(&in, fd[0]) == 0);
	close(fd[1]);
	CHECK(bh_copy(p.a, in, UINT64_MAX, &copied, SOON) == 0 && copied == 12);
	CHECK(bh_reader_open(&r, p.b, 0) == 0 && bh_reader_line(r, &b, 0, SOON) == 1);
	CHECK(is(&b, "from a pipe"));
	CHECK(bh_copy(p.a, p.a, 1, &copied, bh_after(BH_MS(2))) == -BH_ETIMEDOUT && copied == 0);
	CHECK(bh_copy(p.a, in + (1ull << 40), 1, NULL, SOON) == -BH_ESTALE);
	close_pair(&p);
}

/* Sends, ends its sending, and reads what comes all the same. */
static int64_t client(void *arg)
{
	bh_io io = *(bh_io *)arg;
	int64_t sent = pour(&io);

	CHECK(sent == 0 && bh_shutdown(io, BH_HALF_WRITE) == 0);
	return drain(&io);
}

/* The other way round: answers when the client's end has come. */
static int64_t server(void *arg)
{
	bh_io io = *(bh_io *)arg;
	int64_t got = drain(&io);

	return pour(&io) ? -1 : got;
}

TEST(both_ways_are_copied_and_each_ends_alone)
{
	struct bh_copied copied;
	struct pair in, out;
	bh_task c, s;

	open_pair(&in, "127.0.0.1:0");
	open_pair(&out, "unix:@bulkhead-buffered-out");
	c = give(client, &in.a);
	s = give(server, &out.b);
	CHECK(bh_copy_both(in.b, out.a, &copied, SOON) == 0);
	CHECK(copied.there == MUCH && copied.back == MUCH);
	CHECK(value_of(c) == MUCH && value_of(s) == MUCH);
	close_pair(&in);
	close_pair(&out);
}

/* Sends and reads by turns, as its other end does. */
static int64_t chatter(void *arg)
{
	bh_io io = *(bh_io *)arg;
	char out[4096], in[4096];

	for (int i = 0; i < 200; i++) {
		memset(out, i, sizeof(out));
		CHECK(bh_write(io, out, sizeof(out), SOON) == sizeof(out));
		CHECK(bh_read_exact(io, in, sizeof(in), SOON) == sizeof(in));
		CHECK(memcmp(in, out, sizeof(in)) == 0);
	}
	return 0;
}

TEST(both_ways_at_once_and_no_longer_than_the_deadline)
{
	struct bh_copied copied;
	struct pair in, out;
	bh_task c, s;

	open_pair(&in, "127.0.0.1:0");
	open_pair(&out, "127.0.0.1:0");
	CHECK(bh_copy_both(in.b, out.a, &copied, bh_after(BH_MS(1))) == -BH_ETIMEDOUT);
	CHECK(copied.there == 0 && copied.back == 0);
	c = give(chatter, &in.a);
	s = give(chatter, &out.b);
	CHECK(bh_copy_both(in.b, out.a, &copied, SOON) == 0);
	CHECK(copied.there == 200 * 4096 && copied.back == 200 * 4096);
	CHECK(value_of(c) == 0 && value_of(s) == 0);
	close_pair(&in);
	close_pair(&out);
}

RUNTIME_MAIN("buffered")
