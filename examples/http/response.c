/* SPDX-License-Identifier: MIT */
/* response.c: builds answers. */
#include "response.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <bulkhead/bulkhead.h>

const char *http_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {
		{ 200, "OK" },
		{ 400, "Bad Request" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 417, "Expectation Failed" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}

int http_reply(int status, const char *type, size_t type_len, const void *body, size_t len)
{
	char small[1024];
	size_t size = sizeof(struct http_reply) + type_len + len;
	struct http_reply *reply = size <= sizeof(small) ? (void *)small : bh_alloc(size);
	int err;

	if (!reply)
		return -ENOMEM;
	reply->status = (uint32_t)status;
	reply->type_len = (uint32_t)type_len;
	reply->body_len = (uint32_t)len;
	memcpy(reply->text, type, type_len);
	if (len)
		memcpy(reply->text + type_len, body, len);
	err = bh_reply(reply, size);
	if ((void *)reply != (void *)small)
		bh_free(reply);
	return err;
}

int http_reply_text(int status, const char *format, ...)
{
	char text[1024];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len < 0)
		return -EINVAL;
	if ((size_t)len >= sizeof(text))
		len = sizeof(text) - 1;
	return http_reply(status, HTTP_TEXT, strlen(HTTP_TEXT), text, (size_t)len);
}

static void write_now(struct http_out *out, const void *data, size_t len)
{
	ssize_t n;

	if (out->error || len == 0)
		return;
	n = bh_write(out->io, data, len, bh_after(out->timeout));
	if (n < 0)
		out->error = (int)n;
}

int http_out_flush(struct http_out *out)
{
	write_now(out, out->buf, out->len);
	out->len = 0;
	return out->error;
}

void http_out_bytes(struct http_out *out, const void *data, size_t len)
{
	if (len > sizeof(out->buf) - out->len)
		(void)http_out_flush(out);
	if (len > sizeof(out->buf)) {
		write_now(out, data, len);
		return;
	}
	memcpy(out->buf + out->len, data, len);
	out->len += len;
}

static const char *connection_line(const struct http_out *out)
{
	if (!out->keep_alive)
		return "Connection: close\r\n";
	return out->old ? "Connection: keep-alive\r\n" : "";
}

/* The line's value changes once a second, and both words belong to the worker process: a
 * fiber that goes on in another one finds that one's. */
static const char *date_line(void)
{
	static BH_PRIVATE char line[48];
	static BH_PRIVATE time_t made;
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	if (now.tv_sec != made) {
		made = now.tv_sec;
		strftime(line, sizeof(line), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n",
			 gmtime_r(&made, &tm));
	}
	return line;
}

void http_out_answer(struct http_out *out, int status, const char *extra, const char *type,
		     size_t type_len, const void *body, size_t len)
{
	char head[768];
	int n = snprintf(
		head, sizeof(head),
		"HTTP/1.1 %d %s\r\n%sContent-Type: %.*s\r\nContent-Length: %zu\r\n%s%s\r\n", status,
		http_reason(status), date_line(), (int)type_len, type, len, extra,
		connection_line(out));

	if (n < 0 || (size_t)n >= sizeof(head)) {
		out->error = -EINVAL;
		return;
	}
	http_out_bytes(out, head, (size_t)n);
	if (len && !out->head)
		http_out_bytes(out, body, len);
}

void http_out_text(struct http_out *out, int status, const char *extra, const char *text)
{
	http_out_answer(out, status, extra, HTTP_TEXT, strlen(HTTP_TEXT), text, strlen(text));
}
