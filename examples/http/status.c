/* SPDX-License-Identifier: MIT */
/* status.c: GET /status: the service's own counters, as JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <bulkhead/bulkhead.h>

#include "response.h"
#include "routes.h"

enum {
	STATUS_BYTES = 16 << 10
};

static int print_tasks(char *to, size_t room, const struct bh_stats *s)
{
	return snprintf(to, room,
			"{\"uptime_s\":%.3f,\"workers\":%" PRIu32 ",\"worker_restarts\":%" PRIu64
			",\"tasks\":{\"live\":%" PRIu64 ",\"spawned\":%" PRIu64
			",\"completed\":%" PRIu64 ",\"crashed\":%" PRIu64 ",\"canceled\":%" PRIu64
			"},\"polls\":%" PRIu64 ",\"steals\":%" PRIu64 ",\"parks\":%" PRIu64
			",\"worker\":[",
			(double)s->uptime_ns / 1e9, s->workers, s->worker_restarts, s->live,
			s->spawned, s->completed, s->crashed, s->canceled, s->polls, s->steals,
			s->parks);
}

static int print_worker(char *to, size_t room, uint32_t slot)
{
	struct bh_worker_stats w = { .size = sizeof(w) };

	if (bh_worker_stats_get(slot, &w))
		return 0;
	return snprintf(to, room,
			"%s{\"slot\":%" PRIu32 ",\"pid\":%" PRId32 ",\"restarts\":%" PRIu64
			",\"crashes\":%" PRIu64 ",\"polls\":%" PRIu64 ",\"steals\":%" PRIu64
			",\"parks\":%" PRIu64 "}",
			slot ? "," : "", slot, w.pid, w.restarts, w.crashes, w.polls, w.steals,
			w.parks);
}

int64_t http_status(void *arg)
{
	struct bh_stats s = { .size = sizeof(s) };
	char *text = bh_alloc(STATUS_BYTES);
	size_t len;
	int err = bh_stats_get(&s);

	(void)arg;
	if (err || !text)
		return http_reply_text(503, "no counters: %s\n",
				       err ? bh_strerror(err) : "no memory");
	len = (size_t)print_tasks(text, STATUS_BYTES, &s);
	for (uint32_t slot = 0; slot < s.workers && len + 256 < STATUS_BYTES; slot++)
		len += (size_t)print_worker(text + len, STATUS_BYTES - len, slot);
	len += (size_t)snprintf(text + len, STATUS_BYTES - len, "]}\n");
	return http_reply(200, HTTP_JSON, strlen(HTTP_JSON), text, len);
}
