/* SPDX-License-Identifier: MIT */
/*
 * conn.c: one connection: read a request, run its handler, write the answer.
 *
 * The handler is a child task. If it crashes this fiber is told by its join,
 * answers 500 with what is known of the crash, and reads the next request.
 *
 * Answers are gathered as long as whole requests are at hand, and written in one
 * go before the fiber waits for anything that may take long.
 */
#include "conn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bulkhead/bulkhead.h>

#include "crash.h"
#include "request.h"
#include "response.h"
#include "routes.h"

enum {
	IN_MAX = 8 << 10
};

#define IDLE_TIMEOUT    BH_S(60) /* between two requests: closed */
#define REQUEST_TIMEOUT BH_S(30) /* first byte to last: 408 */
#define HANDLER_TIMEOUT BH_S(90) /* more than any route here may take: 504 */
#define WRITE_TIMEOUT   BH_S(30)
#define REPORT_TIMEOUT  BH_MS(200) /* for the dead worker's successor */
#define LEFT_TIMEOUT    BH_S(1)    /* for an answer to whoever may have left */
#define LINGER_SILENCE  BH_MS(300)
#define LINGER_TIMEOUT  BH_S(2)

struct conn {
	bh_io io;
	size_t at, end; /* what of in[] is not parsed yet */
	struct http_reader reader;
	struct http_out out;
	char in[IN_MAX];
};

/* Waits for the connection's next bytes; @deadline is of the request under way,
 * which began if reader.begun. 0: some came. */
static int conn_fill(struct conn *c, int64_t *deadline)
{
	ssize_t n;
	int err = http_out_flush(&c->out);

	if (err == 0 && !c->reader.begun) {
		err = bh_readable(c->io, bh_after(IDLE_TIMEOUT));
		*deadline = bh_after(REQUEST_TIMEOUT);
	}
	if (err)
		return err;
	n = bh_read(c->io, c->in, sizeof(c->in), *deadline);
	if (n <= 0)
		return n == 0 ? -ECONNRESET : (int)n;
	c->at = 0;
	c->end = (size_t)n;
	return 0;
}

static void go_on(struct conn *c)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";

	http_out_bytes(&c->out, text, strlen(text));
}

static void conn_continue(struct conn *c)
{
	if (!c->reader.headers_done || !c->reader.expects_continue || c->reader.complete)
		return;
	c->reader.expects_continue = false;
	go_on(c);
}

/* Reads until a request is whole. 0; 400 and up: refuse it with that status;
 * negative: the connection is over. */
static int conn_receive(struct conn *c)
{
	struct http_reader *r = &c->reader;
	int64_t deadline = 0;
	int err = http_reader_next(r);

	if (err)
		return 503;
	while (!r->complete && !r->status) {
		if (c->at == c->end) {
			err = conn_fill(c, &deadline);
			if (err == -BH_ETIMEDOUT && r->begun)
				return 408;
			if (err)
				return err;
		}
		c->at += http_reader_feed(r, c->in + c->at, c->end - c->at);
		if (deadline == 0 && r->begun)
			deadline = bh_after(REQUEST_TIMEOUT);
		if (!r->status)
			conn_continue(c);
	}
	return r->status;
}

static void answer_crash(struct conn *c, struct bh_result *res)
{
	char report[HTTP_CRASH_REPORT_MAX];
	const bool json = c->reader.request->wants_json;
	const char *type = json ? HTTP_JSON : HTTP_TEXT;
	size_t len;

	if (bh_crash_wait(&res->crash, bh_after(REPORT_TIMEOUT)))
		res->crash.restart_us = 0;
	len = http_crash_report(&res->crash, json, report, sizeof(report));
	http_out_answer(&c->out, 500, "", type, strlen(type), report, len);
}

static void answer_reply(struct conn *c, const struct bh_result *res)
{
	const struct http_reply *reply = res->data;

	if (!reply || res->len < sizeof(*reply) ||
	    res->len - sizeof(*reply) != (uint64_t)reply->type_len + reply->body_len) {
		http_out_text(&c->out, 500, "", "The handler gave no answer.\n");
		return;
	}
	http_out_answer(&c->out, (int)reply->status, "", reply->text, reply->type_len,
			reply->text + reply->type_len, reply->body_len);
}

static void answer_result(struct conn *c, struct bh_result *res)
{
	switch (res->end) {
	case BH_END_RETURNED:
		answer_reply(c, res);
		break;
	case BH_END_CRASHED:
		answer_crash(c, res);
		break;
	case BH_END_HOG:
		http_out_text(&c->out, 503, "", "The handler was ended: it ran for too long.\n");
		break;
	case BH_END_CANCELED:
	case BH_END_LOST:
	case BH_END_RESET:
		http_out_text(&c->out, 503, "", "The handler was ended before it answered.\n");
		break;
	}
	bh_free(res->data);
}

/*
 * Waits for the handler as long as the client is there. A client that ended its sending
 * has left, or waits for the answer with that half closed (`nc -N`): which of them, shows
 * when something is written, for one that has left resets the connection. So it is sent an
 * interim answer, which means nothing, unless the real one comes first; HTTP/1.0 knows
 * none. -ECONNRESET: it has left.
 */
static int conn_join_or_gone(struct conn *c, bh_task task, struct bh_result *res)
{
	int64_t end = bh_after(HANDLER_TIMEOUT);
	int err = bh_join_or_gone(task, res, c->io, BH_GONE_EOF, end);

	if (err != -ECONNRESET)
		return err;
	err = bh_join_or_gone(task, res, c->io, BH_GONE_RESET, bh_after(LEFT_TIMEOUT));
	if (err != -BH_ETIMEDOUT)
		return err;
	if (c->out.old)
		return -ECONNRESET;
	go_on(c);
	if (http_out_flush(&c->out))
		return -ECONNRESET;
	return bh_join_or_gone(task, res, c->io, BH_GONE_RESET, end);
}

/* What was gathered for the requests before it leaves first if the handler takes its
 * time. Returns 0, -ECONNRESET if the client has left, or bh_join()'s error. */
static int conn_join(struct conn *c, bh_task task, struct bh_result *res)
{
	int err = -BH_ETIMEDOUT;

	if (c->out.len) {
		err = bh_join(task, res, bh_after(BH_MS(1)));
		if (err == -BH_ETIMEDOUT && http_out_flush(&c->out))
			return -ECONNRESET;
	}
	return err == -BH_ETIMEDOUT ? conn_join_or_gone(c, task, res) : err;
}

/* Answers the request by its route's handler. 0 or a negative error. */
static int conn_handle(struct conn *c, const struct http_route *route)
{
	const struct http_request *q = c->reader.request;
	struct bh_spawn_opts opts = { .size = sizeof(opts), .name = route->task_name };
	struct bh_result res;
	bh_task task;
	char why[160];
	int err = (route->blocking ? bh_spawn_blocking : bh_spawn)(&task, route->handler, q,
								   http_request_size(q), &opts);

	if (err) {
		snprintf(why, sizeof(why), "%s cannot run now: %s\n", route->task_name,
			 bh_strerror(err));
		http_out_text(&c->out, 503, "Retry-After: 1\r\n", why);
		return 0;
	}
	memset(&res, 0, sizeof(res));
	err = conn_join(c, task, &res);
	if (err == 0) {
		answer_result(c, &res);
		return 0;
	}
	(void)bh_abort(task);
	(void)bh_detach(task);
	if (err != -BH_ETIMEDOUT)
		return err;
	http_out_text(&c->out, 504, "", "The handler took too long.\n");
	return 0;
}

/* Answers the request that was read. 0 or a negative error. */
static int conn_answer(struct conn *c)
{
	const struct http_request *q = c->reader.request;
	const struct http_route *route = http_route_find(q);
	char allow[64];

	c->out.head = q->method == HTTP_HEAD;
	c->out.old = c->reader.parser.http_minor == 0;
	c->out.keep_alive = c->reader.keep_alive && !bh_stopping();
	if (!http_method_known(q->method)) {
		http_out_text(&c->out, 501, "", "This server does not know that method.\n");
	} else if (!route) {
		http_out_text(&c->out, 404, "", "There is nothing here. Start at /\n");
	} else if (!(route->methods & (1ull << q->method))) {
		snprintf(allow, sizeof(allow), "Allow: %s\r\n", route->allow);
		http_out_text(&c->out, 405, allow, "This route has other methods: see Allow.\n");
	} else {
		return conn_handle(c, route);
	}
	return 0;
}

/* One line a second in each worker, whatever is thrown at it. The two counters
 * belong to the worker process; it does not matter which one a fiber is in. */
static void log_refusal(int status)
{
	static BH_PRIVATE int64_t last;
	static BH_PRIVATE unsigned int unsaid;
	int64_t now = bh_now();

	if (last && now - last < BH_S(1)) {
		unsaid++;
		return;
	}
	fprintf(stderr, "http: refused a request: %d %s (%u more like it)\n", status,
		http_reason(status), unsaid);
	last = now;
	unsaid = 0;
}

/* The last answer is written; closing on bytes that are not read would reset the
 * connection, and might take the answer with it. So it is said that no more comes, and
 * what the client was sending meanwhile is read, for a moment. */
static void conn_linger(struct conn *c)
{
	int64_t end = bh_after(LINGER_TIMEOUT), now;

	if (http_out_flush(&c->out) || bh_shutdown(c->io, BH_HALF_WRITE))
		return;
	while ((now = bh_now()) < end) {
		int64_t silence = now + LINGER_SILENCE;

		if (bh_read(c->io, c->in, sizeof(c->in), silence < end ? silence : end) <= 0)
			return;
	}
}

/* Answers what cannot be served. */
static void conn_refuse(struct conn *c, int status)
{
	char text[64];

	log_refusal(status);
	snprintf(text, sizeof(text), "%s\n", http_reason(status));
	c->out.head = false;
	c->out.keep_alive = false;
	http_out_text(&c->out, status, "", text);
}

int64_t http_connection(void *arg)
{
	struct conn c;
	int status = 0;

	c.io = *(const bh_io *)arg;
	c.at = c.end = 0;
	memset(&c.out, 0, offsetof(struct http_out, buf));
	c.out.io = c.io;
	c.out.timeout = WRITE_TIMEOUT;
	c.out.keep_alive = true;
	if (http_reader_init(&c.reader))
		return -ENOMEM;
	while (status == 0 && c.out.keep_alive && !c.out.error) {
		status = conn_receive(&c);
		if (status == 0)
			status = conn_answer(&c);
	}
	if (status > 0)
		conn_refuse(&c, status);
	if (status >= 0 && !c.out.error)
		conn_linger(&c);
	else
		(void)http_out_flush(&c.out);
	return 0; /* the socket is closed with its owner */
}
