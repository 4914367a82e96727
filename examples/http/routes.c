/* SPDX-License-Identifier: MIT */
/* routes.c: the table of routes, and the handlers that are a few lines each. */
#include "routes.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include <bulkhead/bulkhead.h>

#include "response.h"

enum {
	SLEEP_MAX_MS = 60000,
	SPIN_MAX_MS = 10000
};

#define BIT(method) (1ull << (method))
#define READS       "GET, HEAD", BIT(HTTP_GET) | BIT(HTTP_HEAD)

static const struct http_route routes[] = {
	{ "/hello", "http.hello", READS, http_hello, false },
	{ "/", "http.page", READS, http_page, false },
	{ "/echo", "http.echo", "POST", BIT(HTTP_POST), http_echo, false },
	{ "/crash", "http.crash", READS, http_crash, false },
	{ "/sleep", "http.sleep", READS, http_sleep, false },
	{ "/spin", "http.spin", READS, http_spin, false },
	{ "/status", "http.status", READS, http_status, false },
	{ "/blocking", "http.blocking", READS, http_blocking, true },
};

const struct http_route *http_route_find(const struct http_request *q)
{
	const char *path = q->text + q->path_off;

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (strlen(routes[i].path) == q->path_len &&
		    memcmp(routes[i].path, path, q->path_len) == 0)
			return &routes[i];
	return NULL;
}

bool http_method_known(unsigned int method)
{
	const uint64_t known = BIT(HTTP_GET) | BIT(HTTP_HEAD) | BIT(HTTP_POST) | BIT(HTTP_PUT) |
			       BIT(HTTP_DELETE) | BIT(HTTP_PATCH) | BIT(HTTP_OPTIONS) |
			       BIT(HTTP_TRACE);

	return method < 64 && (known & BIT(method));
}

int64_t http_hello(void *arg)
{
	static const char hello[] = "Hello from Bulkhead\n";

	(void)arg;
	return http_reply(200, HTTP_TEXT, strlen(HTTP_TEXT), hello, strlen(hello));
}

int64_t http_echo(void *arg)
{
	const struct http_request *q = arg;

	if (q->type_len)
		return http_reply(200, q->text + q->type_off, q->type_len, q->text + q->body_off,
				  q->body_len);
	return http_reply(200, "application/octet-stream", strlen("application/octet-stream"),
			  q->text + q->body_off, q->body_len);
}

int64_t http_sleep(void *arg)
{
	int64_t ms = http_request_number(arg, "ms", 100), begin = bh_now();
	int err;

	if (ms < 0 || ms > SLEEP_MAX_MS)
		return http_reply_text(400, "ms is a number from 0 to %d: /sleep?ms=100\n",
				       SLEEP_MAX_MS);
	err = bh_sleep(BH_MS(ms));
	if (err)
		return err;
	return http_reply_text(200, "slept %" PRId64 " us\n", (bh_now() - begin) / 1000);
}

/* Never yields: what a task that hogs its worker does to everybody else. */
int64_t http_spin(void *arg)
{
	int64_t ms = http_request_number(arg, "ms", 100), begin = bh_now();
	uint64_t turns = 0;

	if (ms < 0 || ms > SPIN_MAX_MS)
		return http_reply_text(400, "ms is a number from 0 to %d: /spin?ms=100\n",
				       SPIN_MAX_MS);
	while (bh_now() - begin < BH_MS(ms))
		turns++;
	return http_reply_text(200,
			       "spun %" PRIu64 " times in %" PRId64 " us in worker %" PRIu32 "\n",
			       turns, (bh_now() - begin) / 1000, bh_worker());
}

int64_t http_blocking(void *arg)
{
	int64_t ms = http_request_number(arg, "ms", 100);
	struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
	char how[16];

	if (ms < 0 || ms > SLEEP_MAX_MS)
		return http_reply_text(400, "ms is a number from 0 to %d: /blocking?ms=100\n",
				       SLEEP_MAX_MS);
	while (nanosleep(&left, &left))
		;
	if (http_request_value(arg, "how", how, sizeof(how)))
		return http_crash(arg);
	return http_reply_text(200, "blocked for %" PRId64 " ms in blocking process %" PRIu32 "\n",
			       ms, bh_worker() - 64);
}
