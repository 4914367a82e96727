/* SPDX-License-Identifier: MIT */
/* stream.c: bhctl trace stream: events as they come, a line each. */
#include <inttypes.h>
#include <stdio.h>

#include "tools/bhctl/bhctl.h"
#include "tools/bhctl/show/text.h"
#include "tools/bhctl/show/value.h"
#include "tools/bhctl/trace/recorder.h"

static const char *const queues[] = { "local", "shared", "jobs" };

static bool json;
static uint64_t told; /* losses that were shown */
static unsigned told_gaps;

static const char *queue_name(uint64_t i)
{
	return i < sizeof(queues) / sizeof(*queues) ? queues[i] : "unknown";
}

/* The meaning of `a` and `b`, by kind. */
static void print_json(const struct bh_recorder *r, const struct bh_event *e)
{
	struct json_object *o = json_object_new_object();

	bh_value_text(o, "event", bh_event_name(e->kind));
	bh_value_uint(o, "time_ns", e->time_ns);
	bh_value_text(o, "service", bh_recorder_service(r, e));
	bh_value_uint(o, "slot", e->slot);
	bh_value_uint(o, "pid", e->pid);
	bh_value_hex(o, "task", e->task);
	if (e->type != BH_EVENT_NO_TYPE)
		bh_value_text(o, "type", bh_recorder_type(r, e));
	bh_value_hex(o, "other", e->other);
	bh_value_uint(o, "a", e->a);
	bh_value_uint(o, "b", e->b);
	bh_value_print(o, true);
}

static void put_detail(struct bh_text *t, const struct bh_event *e)
{
	switch (e->kind) {
	case BH_EV_SPAWN:
	case BH_EV_WAKE:
		bh_text_put(t, "  by ");
		bh_text_hex(t, e->other);
		bh_text_put(t, ", queue ");
		bh_text_put(t, queue_name(e->a));
		break;
	case BH_EV_POLL:
	case BH_EV_JOB:
		bh_text_put(t, "  ");
		bh_text_put_us(t, e->a);
		bh_text_put(t, ", ");
		bh_text_put(t, bh_event_end_name(e->b));
		break;
	case BH_EV_PARK:
		bh_text_put(t, "  ");
		bh_text_put_us(t, e->a);
		break;
	case BH_EV_STEAL:
		bh_text_put(t, "  ");
		bh_text_uint(t, e->a);
		bh_text_put(t, " from worker ");
		bh_text_uint(t, e->b);
		break;
	case BH_EV_TIMER:
		bh_text_put(t, "  ");
		bh_text_put_us(t, e->a);
		bh_text_put(t, " late");
		break;
	case BH_EV_CRASH:
		bh_text_put(t, "  crash ");
		bh_text_uint(t, e->b);
		bh_text_put(t, ", status ");
		bh_text_hex(t, e->a);
		break;
	case BH_EV_RESTART:
		bh_text_put(t, "  after ");
		bh_text_put_us(t, e->a);
		break;
	case BH_EV_WOKEN:
		bh_text_put(t, "  by process ");
		bh_text_uint(t, e->other_pid);
		bh_text_put(t, e->b ? " (interrupt)" : "");
		break;
	case BH_EV_ON_CPU:
		if (e->a != UINT64_MAX) {
			bh_text_put(t, "  waited ");
			bh_text_put_us(t, e->a);
		}
		if (e->b != UINT64_MAX) {
			bh_text_put(t, ", was away ");
			bh_text_put_us(t, e->b);
			bh_text_put(t, " (");
			bh_text_put(t, bh_event_off_name(e->other_pid));
			bh_text_put(t, ")");
		}
		break;
	case BH_EV_OFF_CPU:
		bh_text_put(t, "  after ");
		bh_text_put_us(t, e->a);
		bh_text_put(t, ", ");
		bh_text_put(t, bh_event_off_name((unsigned)e->b));
		bh_text_put(t, ", for process ");
		bh_text_uint(t, e->other_pid);
		break;
	case BH_EV_SIGNAL:
		bh_text_put(t, "  ");
		bh_text_uint(t, (uint32_t)e->a);
		bh_text_put(t, " from process ");
		bh_text_uint(t, e->other_pid);
		bh_text_put(t, ", address ");
		bh_text_hex(t, e->b);
		break;
	case BH_EV_DIED:
		bh_text_put(t, "  status ");
		bh_text_hex(t, e->a);
		break;
	default:
		break;
	}
}

static void print_text(const struct bh_recorder *r, const struct bh_event *e)
{
	struct bh_text t;

	t.n = 0;
	bh_text_seconds(&t, (int64_t)e->time_ns - r->began_ns);
	bh_text_put(&t, " ");
	bh_text_put(&t, bh_recorder_service(r, e));
	bh_text_put(&t, "/");
	bh_text_uint(&t, e->slot);
	bh_text_put(&t, " ");
	size_t at = t.n;
	bh_text_put(&t, bh_event_name(e->kind));
	bh_text_pad(&t, at, 8);
	if (e->task == BH_EVENT_NO_TASK) {
		bh_text_put(&t, " unknown task");
	} else if (e->task) {
		bh_text_put(&t, " ");
		bh_text_hex(&t, e->task);
		bh_text_put(&t, " ");
		bh_text_put(&t, e->type != BH_EVENT_NO_TYPE ? bh_recorder_type(r, e) : "");
	}
	put_detail(&t, e);
	bh_text_print(&t, stdout);
}

static void print_lost(uint64_t lost)
{
	if (json)
		printf("{\"event\":\"lost\",\"count\":%" PRIu64 "}\n", lost);
	else
		printf("-- %" PRIu64 " events lost here\n", lost);
}

static void print_gap(void)
{
	puts(json ? "{\"event\":\"gap\"}" :
		    "-- the recording was interrupted here: what happened is in no count");
}

static int print_ready(struct bh_recorder *r)
{
	for (size_t i = 0; i < r->ready; i++)
		if (json || r->events[i].kind != BH_EV_MORE)
			(json ? print_json : print_text)(r, &r->events[i]);
	bh_recorder_drop(r, r->ready);
	if (r->lost != told)
		print_lost(r->lost - told);
	told = r->lost;
	for (; told_gaps < r->gaps; told_gaps++)
		print_gap();
	if (fflush(stdout) || ferror(stdout))
		return BH_EXIT_SYSTEM; /* the reader has closed the pipe */
	return 0;
}

int bh_stream(const char *url, const struct bh_options *o)
{
	static char buffer[256 * 1024];
	struct bh_recorder r;
	int code = bh_recorder_begin(&r, url, true);

	/* stdout is flushed each time; with 4 KiB, writing a file took a third of the time. */
	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	json = o->json;
	if (!code)
		code = bh_recorder_run(&r, o->seconds, print_ready, false);
	if (!code)
		fprintf(stderr, "bhctl: %" PRIu64 " events, %" PRIu64 " lost\n", r.got, r.lost);
	bh_recorder_fini(&r);
	return code;
}
