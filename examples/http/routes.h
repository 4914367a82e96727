/* SPDX-License-Identifier: MIT */
/*
 * routes.h: which task answers which path.
 *
 * Each route's handler is a task type of its own, so that bhctl can tell which
 * one crashes and the supervisor can refuse that one alone. A handler gets the
 * request as its argument and answers with http_reply().
 */
#ifndef HTTP_ROUTES_H
#define HTTP_ROUTES_H

#include <bulkhead/task.h>

#include "request.h"

struct http_route {
	const char *path;
	const char *task_name;
	const char *allow; /* "GET, HEAD" */
	uint64_t methods;  /* a bit for each enum http_method */
	bh_fiber_fn handler;
	bool blocking; /* in a blocking process, where it may block in anything */
};

/* The route for the path of @q; NULL if there is none. */
const struct http_route *http_route_find(const struct http_request *q);

/* True for a method that a server of documents knows, allowed here or not. */
bool http_method_known(unsigned int method);

/* -- handlers; the argument is a struct http_request ------------------------- */

int64_t http_page(void *arg);   /* pages.c: GET / */
int64_t http_hello(void *arg);  /* GET /hello: what benchmarks hit */
int64_t http_echo(void *arg);   /* POST /echo: the body, with its type */
int64_t http_sleep(void *arg);  /* GET /sleep?ms=: waits */
int64_t http_spin(void *arg);   /* GET /spin?ms=: burns its CPU */
int64_t http_status(void *arg); /* status.c: GET /status */
int64_t http_crash(void *arg);  /* crash.c: GET /crash?how= */

int64_t http_blocking(void *arg); /* GET /blocking?ms=: sleeps as any program would, and
				     with &how= crashes then as /crash does */

#endif
