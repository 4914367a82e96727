/* SPDX-License-Identifier: MIT */
/*
 * test_admin.c: the admin endpoint: each verb is answered, and no bytes whatever,
 * from a client or in an arena, keep the next client from its answer. BH_SEED
 * repeats the random parts.
 */
#include <check.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "admin_rig.h"
#include "tests/check_run.h"
#include "tests/ipc/dice.h"

enum {
	CONNECTIONS = 3000,
	ARENAS = 150,
	REQUEST_BYTES = 64 * 1024,
	HOARDERS = 63, /* with the one who asks meanwhile as many as there is room for */
	HOARDED_TASKS = 62,
};

static struct rig rig;
static void set_up(void)
{
	rig_make(&rig);
	rig_start(&rig);
	dice_seed();
}

static void tear_down(void)
{
	if (rig.pid)
		ck_assert_int_eq(rig_stop(&rig), 0);
	rig_remove(&rig);
}

/* One of each verb, in turn; @service: of which. */
static void make_request(Bulkhead__Request *q, int verb, char *service)
{
	static Bulkhead__StatusRequest status = BULKHEAD__STATUS_REQUEST__INIT;
	static Bulkhead__WorkersRequest workers;
	static Bulkhead__TasksRequest tasks;
	static Bulkhead__CrashesRequest crashes = BULKHEAD__CRASHES_REQUEST__INIT;
	static Bulkhead__TraceLatencyRequest latency = BULKHEAD__TRACE_LATENCY_REQUEST__INIT;
	static Bulkhead__AuditRequest audit;
	static Bulkhead__TraceEventsRequest events = BULKHEAD__TRACE_EVENTS_REQUEST__INIT;
	static Bulkhead__DumpRequest dump;

	bulkhead__request__init(q);
	bulkhead__workers_request__init(&workers);
	bulkhead__tasks_request__init(&tasks);
	bulkhead__audit_request__init(&audit);
	bulkhead__dump_request__init(&dump);
	workers.service = tasks.service = audit.service = dump.service = service;
	tasks.limit = dump.limit = 10000;
	switch (verb) {
	case 0:
		q->verb_case = BULKHEAD__REQUEST__VERB_STATUS;
		q->status = &status;
		return;
	case 1:
		q->verb_case = BULKHEAD__REQUEST__VERB_WORKERS;
		q->workers = &workers;
		return;
	case 2:
		q->verb_case = BULKHEAD__REQUEST__VERB_TASKS;
		q->tasks = &tasks;
		return;
	case 3:
		q->verb_case = BULKHEAD__REQUEST__VERB_CRASHES;
		q->crashes = &crashes;
		return;
	case 4:
		q->verb_case = BULKHEAD__REQUEST__VERB_AUDIT;
		q->audit = &audit;
		return;
	case 5:
		q->verb_case = BULKHEAD__REQUEST__VERB_TRACE_EVENTS;
		q->trace_events = &events;
		return;
	case 6:
		q->verb_case = BULKHEAD__REQUEST__VERB_DUMP;
		q->dump = &dump;
		return;
	default:
		q->verb_case = BULKHEAD__REQUEST__VERB_TRACE_LATENCY;
		q->trace_latency = &latency;
	}
}

static Bulkhead__Reply *ask(int verb, const char *service)
{
	Bulkhead__Request q;

	make_request(&q, verb, (char *)(uintptr_t)service);
	Bulkhead__Reply *r = client_ask(&rig, &q);
	ck_assert_ptr_nonnull(r);
	return r;
}

static void expect_error(Bulkhead__Reply *r, Bulkhead__Error__Code code)
{
	ck_assert_ptr_nonnull(r);
	ck_assert_ptr_nonnull(r->error);
	ck_assert_int_eq(r->error->code, code);
	ck_assert_uint_gt(strlen(r->error->text), 0);
	bulkhead__reply__free_unpacked(r, NULL);
}

/* -- answers ---------------------------------------------------------------------- */

START_TEST(status_counts_what_is_in_the_arena)
{
	struct bh_view *v = &rig.arena;
	uint64_t w;

	/* Three slots used: a task that is scheduled, one that has ended. */
	bh_st_rel(&v->a->task_pool.mark, 64);
	bh_st_rel(&v->a->booted, 2);
	ck_assert(bh_state_reserve(&v->tasks[1].state, 0, 1, &w));
	bh_state_publish(&v->tasks[1].state, w, 0);
	bh_st_rel(&v->a->io_pool.mark, 64);
	bh_st_rel(&v->ios[5].owner, bh_handle(1, 1));
	bh_st_rel(&v->a->block_pool[1].mark, 64);
	bh_st_rel(&v->blocks[1][7].owner, bh_handle(1, 1));
	bh_st_rel(&v->workers[1].count.completed, 1);

	Bulkhead__Reply *r = ask(0, "");
	const Bulkhead__Service *s = r->status->services[0];
	ck_assert_uint_eq(s->tasks->live, 1);
	ck_assert_uint_eq(s->tasks->spawned, 2);
	ck_assert_uint_eq(s->tasks->completed, 1);
	ck_assert_uint_eq(s->io_open, 1);
	ck_assert_uint_eq(s->memory_blocks, 1);
	ck_assert_uint_eq(s->memory_bytes, 1024);
	ck_assert_uint_eq(s->n_workers, 2);
	bulkhead__reply__free_unpacked(r, NULL);
}
END_TEST

START_TEST(each_verb_is_answered)
{
	static const Bulkhead__Reply__AnswerCase answers[] = {
		BULKHEAD__REPLY__ANSWER_STATUS, BULKHEAD__REPLY__ANSWER_WORKERS,
		BULKHEAD__REPLY__ANSWER_TASKS,  BULKHEAD__REPLY__ANSWER_CRASHES,
		BULKHEAD__REPLY__ANSWER_AUDIT,  BULKHEAD__REPLY__ANSWER_TRACE_EVENTS,
		BULKHEAD__REPLY__ANSWER_DUMP
	};

	for (int verb = 0; verb < 7; verb++) {
		Bulkhead__Reply *r = ask(verb, verb ? "demo" : "");

		ck_assert_ptr_null(r->error);
		ck_assert_int_eq(r->answer_case, answers[verb]);
		bulkhead__reply__free_unpacked(r, NULL);
	}
}
END_TEST

START_TEST(a_trace_server_that_starts_is_not_one_that_is_not_there)
{
	expect_error(ask(7, ""), BULKHEAD__ERROR__CODE__UNAVAILABLE);
	rig.plan->trace = 1;
	expect_error(ask(7, ""), BULKHEAD__ERROR__CODE__NOT_YET);
}
END_TEST

/* The stack of task 1, whose context is at @sp: how many bytes of it are handed out. */
static size_t stack_bytes(uint64_t sp)
{
	rig.arena.tasks[1].sp = sp;
	Bulkhead__Reply *r = ask(6, "");
	const Bulkhead__DumpTask *t = r->dump->services[0]->tasks[0];
	size_t n = t->stack.len;

	ck_assert_uint_eq(r->dump->services[0]->n_tasks, 1);
	ck_assert_int_eq(n == 0, t->no_stack[0] != 0);
	if (n)
		ck_assert_uint_eq(t->stack_at, sp);
	if (n > 8)
		ck_assert_uint_eq(t->stack.data[0], 0x5a);
	bulkhead__reply__free_unpacked(r, NULL);
	return n;
}

START_TEST(no_byte_beyond_a_fibers_stack_is_shown)
{
	struct bh_view *v = &rig.arena;
	uint32_t cls = BH_DATA_CLASSES, ref = bh_block_ref(cls, 1);
	uint64_t size = bh_class_bytes(cls), low, w;

	low = BH_ARENA_BASE + v->l.off_data[cls] + bh_class_stride(cls);
	bh_st_rel(&v->a->task_pool.mark, 64);
	ck_assert(bh_state_reserve(&v->tasks[1].state, 0, 1, &w));
	v->tasks[1].kind = BH_KIND_FIBER;
	bh_st_rel(&v->tasks[1].stack, ref);
	bh_state_publish(&v->tasks[1].state, w, 0);
	memset(bh_block_data(v, ref), 0x5a, size);
	ck_assert_uint_eq(stack_bytes(low + size - 512), 512);
	ck_assert_uint_eq(stack_bytes(low), size);
	ck_assert_uint_eq(stack_bytes(low + size - 64), 64);
	ck_assert_uint_eq(stack_bytes(low + size - 56), 0);
	ck_assert_uint_eq(stack_bytes(low + size - 511), 0);
	ck_assert_uint_eq(stack_bytes(low + size), 0);
	ck_assert_uint_eq(stack_bytes(low - 8), 0);
	ck_assert_uint_eq(stack_bytes(0), 0);
	ck_assert_uint_eq(stack_bytes(~7ull), 0);
	bh_st_rel(&v->tasks[1].stack, bh_block_ref(0, 1)); /* no stack's block */
	ck_assert_uint_eq(stack_bytes(low + size - 512), 0);
	bh_st_rel(&v->tasks[1].stack, ~0u);
	ck_assert_uint_eq(stack_bytes(low + size - 512), 0);
}
END_TEST

START_TEST(text_of_the_services_cannot_hurt_a_terminal)
{
	Bulkhead__Reply *r = ask(3, "");

	ck_assert_uint_eq(r->crashes->n_crashes, 1);
	ck_assert_str_eq(r->crashes->crashes[0]->task_name, "wild ?[1m task");
	bulkhead__reply__free_unpacked(r, NULL);
}
END_TEST

START_TEST(a_record_that_is_being_written_is_left_out)
{
	rig.board->crash[1].seq = 3;
	Bulkhead__Reply *r = ask(3, "");
	ck_assert_uint_eq(r->crashes->n_crashes, 0);
	ck_assert_uint_eq(r->crashes->total, 1);
	bulkhead__reply__free_unpacked(r, NULL);
}
END_TEST

/* -- the audit ---------------------------------------------------------------------- */

static struct bh_proc *put_slot(uint32_t slot, uint32_t state, int32_t pid)
{
	struct bh_proc *p = &rig.board->procs[5 + slot];

	*p = (struct bh_proc){ .kind = slot < BH_MAX_WORKERS ? BH_PROC_WORKER : BH_PROC_BLOCKING,
			       .slot = slot,
			       .epoch = 3,
			       .pid = pid,
			       .state = state };
	return p;
}

/* A pid that was somebody's, and is nobody's. */
static int32_t dead_pid(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	return pid;
}

static int64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static void plant_nothing(void)
{
	put_slot(0, BH_PROC_UP, getpid());
	put_slot(1, BH_PROC_STARTING, 0)->started_ns = clock_ns();
}

static void plant_up_without(void)
{
	put_slot(1, BH_PROC_UP, 0);
}

static void plant_up_with_a_dead_one(void)
{
	put_slot(BH_MAX_WORKERS, BH_PROC_UP, dead_pid());
}

static void plant_nobody_starts(void)
{
	put_slot(0, BH_PROC_STARTING, 0)->started_ns = clock_ns() - 60000000000ll;
}

static void plant_running_in_nobody(void)
{
	bh_st_rel(&rig.arena.a->task_pool.mark, 64);
	bh_st_rel(&rig.arena.workers[1].word, bh_slot_word(BH_SLOT_UP, 8, 1));
	bh_st_rel(&rig.arena.tasks[9].state, bh_state_make(1, 7, 1, 0, BH_RUNNING));
}

static const struct {
	void (*plant)(void);
	const char *invariant, *text; /* NULL: it is sound */
} slots[] = {
	{ plant_nothing, NULL, NULL },
	{ plant_up_without, "slot-process", "worker 1 is up and has no process" },
	{ plant_up_with_a_dead_one, "slot-process", "blocking process 0 is up and its process " },
	{ plant_nobody_starts, "slot-process",
	  "worker 0 starts for more than 5 s and has no process" },
	{ plant_running_in_nobody, "holder-alive", "task 9 is held by worker 1, epoch 7" },
};

START_TEST(the_audit_names_who_is_in_nobody)
{
	slots[_i].plant();
	Bulkhead__Reply *r = ask(4, "");
	const Bulkhead__ServiceAudit *a = r->audit->services[0];

	ck_assert_uint_eq(a->found, slots[_i].text != NULL);
	if (a->found) {
		ck_assert_str_eq(a->findings[0]->invariant, slots[_i].invariant);
		ck_assert_ptr_nonnull(strstr(a->findings[0]->text, slots[_i].text));
	}
	bulkhead__reply__free_unpacked(r, NULL);
}
END_TEST

START_TEST(an_unknown_service_is_named)
{
	for (int verb = 1; verb < 7; verb++)
		if (verb != 3 && verb != 5)
			expect_error(ask(verb, "nobody"), BULKHEAD__ERROR__CODE__NO_SERVICE);
}
END_TEST

START_TEST(stop_is_passed_on)
{
	Bulkhead__StopRequest stop = BULKHEAD__STOP_REQUEST__INIT;
	Bulkhead__Request q = BULKHEAD__REQUEST__INIT;
	struct bh_ctl m;

	q.verb_case = BULKHEAD__REQUEST__VERB_STOP;
	q.stop = &stop;
	for (int now = 0; now < 2; now++) {
		stop.now = now;
		Bulkhead__Reply *r = client_ask(&rig, &q);
		ck_assert_int_eq(r->answer_case, BULKHEAD__REPLY__ANSWER_STOPPING);
		ck_assert_int_eq(r->stopping->pid, getpid());
		bulkhead__reply__free_unpacked(r, NULL);
		rig_hear(&rig, &m);
		ck_assert_uint_eq(m.op, BH_CTL_STOP);
		ck_assert_int_eq(m.stop.now, now);
	}
}
END_TEST

START_TEST(resize_is_passed_on_within_its_bounds)
{
	Bulkhead__ResizeRequest resize;
	Bulkhead__Request q = BULKHEAD__REQUEST__INIT;
	struct bh_ctl m;

	bulkhead__resize_request__init(&resize);
	q.verb_case = BULKHEAD__REQUEST__VERB_RESIZE;
	q.resize = &resize;
	for (uint32_t n = 0; n <= 3; n += 3) {
		resize.workers = n;
		expect_error(client_ask(&rig, &q), BULKHEAD__ERROR__CODE__UNAVAILABLE);
	}
	resize.workers = 1;
	Bulkhead__Reply *r = client_ask(&rig, &q);
	ck_assert_int_eq(r->answer_case, BULKHEAD__REPLY__ANSWER_RESIZED);
	ck_assert_uint_eq(r->resized->before, 2);
	bulkhead__reply__free_unpacked(r, NULL);
	rig_hear(&rig, &m);
	ck_assert_uint_eq(m.op, BH_CTL_WORKERS);
	ck_assert_uint_eq(m.workers.service, 0);
	ck_assert_uint_eq(m.workers.count, 1);
}
END_TEST

/* -- events ------------------------------------------------------------------------- */

static void put_event(uint32_t ring, struct bh_event e)
{
	bh_evring_put(&rig.arena.events[ring], &e);
}

static Bulkhead__Reply *ask_events(Bulkhead__TraceEventsRequest *t, const Bulkhead__Reply *last)
{
	Bulkhead__Request q = BULKHEAD__REQUEST__INIT;

	if (last) {
		t->cursors = last->trace_events->cursors;
		t->n_cursors = last->trace_events->n_cursors;
	}
	q.verb_case = BULKHEAD__REQUEST__VERB_TRACE_EVENTS;
	q.trace_events = t;
	Bulkhead__Reply *r = client_ask(&rig, &q);
	ck_assert_int_eq(r->answer_case, BULKHEAD__REPLY__ANSWER_TRACE_EVENTS);
	return r;
}

START_TEST(events_since_the_last_answer_are_told_once)
{
	Bulkhead__TraceEventsRequest t = BULKHEAD__TRACE_EVENTS_REQUEST__INIT;
	struct bh_event got[3];
	struct bh_ctl m;

	put_event(0, (struct bh_event){ .kind = BH_EV_WAKE, .a = 1 });
	t.begin = true;
	t.record_ms = 70000;
	Bulkhead__Reply *r = ask_events(&t, NULL);
	ck_assert_uint_eq(r->trace_events->events.len, 0);
	rig_hear(&rig, &m);
	ck_assert_uint_eq(m.op, BH_CTL_RECORD);
	ck_assert_int_eq(m.record.ms, 60000);

	/* Of its own ring, whatever it says; and what is no event is lost. */
	put_event(0, (struct bh_event){ .kind = BH_EV_WAKE, .service = 9, .slot = 77, .a = 2 });
	put_event(1, (struct bh_event){ .kind = BH_EV_END + 1 });
	put_event(1, (struct bh_event){ .kind = BH_EV_PARK, .type = 99999, .a = 3 });
	put_event(BH_EVRING_KERNEL, (struct bh_event){ .kind = BH_EV_CRASH, .slot = 1, .a = 4 });
	bh_count(&rig.arena.events[1].skipped, 5);
	t.begin = false;
	t.record_ms = 0;
	Bulkhead__Reply *next = ask_events(&t, r);
	ck_assert_uint_eq(next->trace_events->events.len, sizeof(got));
	memcpy(got, next->trace_events->events.data, sizeof(got));
	ck_assert_uint_eq(next->trace_events->lost, 6);
	for (unsigned i = 0; i < 3; i++)
		ck_assert(got[i].a == 2 + i && got[i].service == 0);
	ck_assert_uint_eq(got[0].slot, 0);
	ck_assert_uint_eq(got[1].type, BH_EVENT_NO_TYPE);
	ck_assert_uint_eq(got[2].slot, 1);
	bulkhead__reply__free_unpacked(r, NULL);

	r = ask_events(&t, next);
	ck_assert_uint_eq(r->trace_events->events.len, 0);
	ck_assert_uint_eq(r->trace_events->lost, 0);
	bulkhead__reply__free_unpacked(r, NULL);
	bulkhead__reply__free_unpacked(next, NULL);
}
END_TEST

START_TEST(nng_clients_understand_it)
{
	char url[128], status[] = { 0x0a, 0x00 };
	nng_socket s;

	snprintf(url, sizeof(url), "ipc://%s", rig.path);
	ck_assert_int_eq(nng_req0_open(&s), 0);
	ck_assert_int_eq(nng_socket_set_ms(s, NNG_OPT_RECVTIMEO, 20000), 0);
	ck_assert_int_eq(nng_dial(s, url, NULL, 0), 0);
	for (int i = 0; i < 100; i++) {
		nng_msg *m;

		ck_assert_int_eq(nng_msg_alloc(&m, 0), 0);
		ck_assert_int_eq(nng_msg_append(m, status, sizeof(status)), 0);
		ck_assert_int_eq(nng_sendmsg(s, m, 0), 0);
		ck_assert_int_eq(nng_recvmsg(s, &m, 0), 0);
		Bulkhead__Reply *r = bulkhead__reply__unpack(NULL, nng_msg_len(m), nng_msg_body(m));
		ck_assert_ptr_nonnull(r);
		ck_assert_int_eq(r->answer_case, BULKHEAD__REPLY__ANSWER_STATUS);
		bulkhead__reply__free_unpacked(r, NULL);
		nng_msg_free(m);
	}
	nng_close(s);
}
END_TEST

/* -- errors ----------------------------------------------------------------------- */

START_TEST(what_is_no_request_is_an_error)
{
	static char large[3 << 20];

	expect_error(client_ask_bytes(&rig, "", 0), BULKHEAD__ERROR__CODE__UNKNOWN_VERB);
	expect_error(client_ask_bytes(&rig, "\xff\xff\xff\xff", 4),
		     BULKHEAD__ERROR__CODE__MALFORMED);
	expect_error(client_ask_bytes(&rig, "\x0a\x05", 2), BULKHEAD__ERROR__CODE__MALFORMED);
	expect_error(client_ask_bytes(&rig, large, REQUEST_BYTES),
		     BULKHEAD__ERROR__CODE__MALFORMED);
	expect_error(client_ask_bytes(&rig, large, REQUEST_BYTES + 1),
		     BULKHEAD__ERROR__CODE__TOO_LARGE);
	expect_error(client_ask_bytes(&rig, large, sizeof(large)),
		     BULKHEAD__ERROR__CODE__TOO_LARGE);
	client_expect_status(&rig);
	ck_assert_uint_ge(rig_log_lines(&rig), 1);
}
END_TEST

START_TEST(who_announces_too_much_is_cut_off)
{
	static const uint64_t lengths[] = { (64ull << 20) + 1, 1ull << 40, ~0ull, 0, 3 };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		int fd = client_open(&rig);

		ck_assert(client_greet(fd));
		client_frame(fd, lengths[i], "\x80\0\0\1", 4);
		ck_assert_ptr_null(client_reply(fd));
		close(fd);
	}
	client_expect_status(&rig);
}
END_TEST

/* -- whatever clients do ------------------------------------------------------------ */

static void mutate(unsigned char *bytes, size_t n)
{
	for (uint64_t i = dice_roll() % 8; n && i > 0; i--)
		bytes[dice_roll() % n] = (unsigned char)dice_roll();
}

/* Some bytes on a connection, which may be left in the middle. */
static void misbehave(void)
{
	unsigned char bytes[600];
	size_t n = dice_roll() % sizeof(bytes);
	Bulkhead__Request q;
	int fd = client_open(&rig);

	for (size_t i = 0; i < n; i++)
		bytes[i] = (unsigned char)dice_roll();
	switch (dice_roll() % 5) {
	case 0: /* noise */
		client_send(fd, bytes, n);
		break;
	case 1: /* noise in place of frames */
		if (client_greet(fd))
			client_send(fd, bytes, n);
		break;
	case 2: /* a frame that is not what it says */
		if (client_greet(fd))
			client_frame(fd, dice_roll() % 1000, bytes, n);
		break;
	case 3: /* noise in a frame */
		bytes[0] |= 0x80;
		if (client_greet(fd))
			client_frame(fd, n, bytes, n);
		break;
	default: /* a request with a few bytes changed, or cut */
		make_request(&q, (int)(dice_roll() % 7), (char *)(uintptr_t) "demo");
		memcpy(bytes, "\x80\0\0\1", 4);
		n = 4 + bulkhead__request__pack(&q, bytes + 4);
		mutate(bytes, n);
		if (client_greet(fd))
			client_frame(fd, n, bytes, n - dice_roll() % 2);
	}
	if (dice_roll() % 2)
		shutdown(fd, SHUT_WR);
	close(fd);
}

START_TEST(no_bytes_keep_others_from_their_answer)
{
	time_t begin = time(NULL);

	for (int i = 0; i < CONNECTIONS; i++) {
		misbehave();
		if (i % 100 == 0)
			client_expect_status(&rig);
	}
	client_expect_status(&rig);
	ck_assert(rig_alive(&rig));
	ck_assert_uint_ge(rig_log_lines(&rig), 1);
	ck_assert_uint_le(rig_log_lines(&rig), (size_t)(time(NULL) - begin) + 2);
}
END_TEST

START_TEST(silent_clients_keep_nobody_out)
{
	int fds[200];

	for (size_t i = 0; i < 200; i++) {
		fds[i] = client_open(&rig);
		if (i % 2)
			client_greet(fds[i]);
	}
	client_expect_status(&rig);
	for (size_t i = 0; i < 200; i++)
		close(fds[i]);
	client_expect_status(&rig);
}
END_TEST

START_TEST(who_does_not_read_waits_alone)
{
	int fd = client_open(&rig);
	static const unsigned char status[] = { 0x80, 0, 0, 1, 0x0a, 0x00 };

	ck_assert(client_greet(fd));
	/* Until admind no longer reads: it has a reply that it cannot send. */
	struct timeval brief = { .tv_usec = 300000 };
	unsigned char frame[9 + sizeof(status)] = { 1, 0, 0, 0, 0, 0, 0, 0, sizeof(status) };
	memcpy(frame + 9, status, sizeof(status));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &brief, sizeof(brief));
	while (send(fd, frame, sizeof(frame), MSG_NOSIGNAL) > 0)
		;
	client_expect_status(&rig);
	close(fd);
	client_expect_status(&rig);
}
END_TEST

/* @n tasks that wait, all on one stack. */
static void let_tasks_wait(uint32_t n)
{
	struct bh_view *v = &rig.arena;
	uint32_t cls = BH_DATA_CLASSES + 1, ref = bh_block_ref(cls, 1);
	uint64_t w;

	for (uint32_t i = 1; i <= n; i++) {
		ck_assert(bh_state_reserve(&v->tasks[i].state, 0, 1, &w));
		v->tasks[i].kind = BH_KIND_FIBER;
		v->tasks[i].sp = BH_ARENA_BASE + v->l.off_data[cls] + bh_class_stride(cls);
		bh_st_rel(&v->tasks[i].stack, ref);
		bh_state_publish(&v->tasks[i].state, w, 0);
	}
	bh_st_rel(&v->a->task_pool.mark, n + 1);
}

#ifndef __SANITIZE_ADDRESS__
static size_t resident_mib(pid_t pid)
{
	char path[40], line[128];
	size_t kib = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	FILE *f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, "VmHWM:", 6))
			kib = strtoul(line + 6, NULL, 10);
	fclose(f);
	return kib / 1024;
}
#endif

START_TEST(who_does_not_read_long_answers_costs_little)
{
	unsigned char bytes[64] = { 0x80, 0, 0, 1 };
	int fds[HOARDERS];
	Bulkhead__Request q;

	let_tasks_wait(HOARDED_TASKS);
	make_request(&q, 6, (char *)(uintptr_t) "");
	size_t n = 4 + bulkhead__request__pack(&q, bytes + 4);
	for (size_t i = 0; i < HOARDERS; i++) {
		fds[i] = client_open(&rig);
		ck_assert(client_greet(fds[i]) && client_frame(fds[i], n, bytes, n));
		client_expect_status(&rig); /* it has been answered */
	}
	/* Together they have asked for more than 120 MiB; one answer may have 64. */
#ifndef __SANITIZE_ADDRESS__ /* which keeps what is freed */
	ck_assert_uint_le(resident_mib(rig.pid), 100);
#endif
	Bulkhead__Reply *r = client_reply(fds[HOARDERS - 1]);
	ck_assert_ptr_nonnull(r);
	ck_assert_uint_eq(r->dump->services[0]->n_tasks, HOARDED_TASKS);
	bulkhead__reply__free_unpacked(r, NULL);
	for (size_t i = 0; i < HOARDERS; i++)
		close(fds[i]);
	client_expect_status(&rig);
}
END_TEST

/* -- the rest ---------------------------------------------------------------------- */

START_TEST(garbage_in_an_arena_is_only_garbage_in_the_answer)
{
	struct bh_view *v = &rig.arena;
	unsigned char *from = (unsigned char *)v->a + offsetof(struct bh_arena, run_state);
	size_t bytes = v->l.off_data[0] - offsetof(struct bh_arena, run_state);

	for (int round = 0; round < ARENAS; round++) {
		uint64_t mask = dice_roll() % 3 ? ~0ull : 0xff0000000full;

		for (size_t i = 0; i + 8 <= bytes; i += dice_roll() % 512 + 8) {
			uint64_t word = dice_roll() & mask;
			memcpy(from + i, &word, sizeof(word));
		}
		memset(v->events[1].cells, (int)dice_roll(), sizeof(v->events[1].cells));
		bh_st_rlx(&v->events[1].tail, dice_roll() & mask);
		for (int verb = 0; verb < 7; verb++)
			bulkhead__reply__free_unpacked(ask(verb, ""), NULL);
	}
	ck_assert(rig_alive(&rig));
}
END_TEST

START_TEST(a_killed_predecessor_is_replaced)
{
	int status;

	kill(rig.pid, SIGKILL);
	ck_assert_int_eq(waitpid(rig.pid, &status, 0), rig.pid);
	close(rig.ctl);
	ck_assert_int_eq(access(rig.path, F_OK), 0);
	rig_start(&rig);
	client_expect_status(&rig);
}
END_TEST

START_TEST(it_ends_with_the_system)
{
	client_expect_status(&rig);
	ck_assert_int_eq(rig_stop(&rig), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tools.admin");
	TCase *t = tcase_create("answers"), *w = tcase_create("whatever");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, status_counts_what_is_in_the_arena);
	tcase_add_test(t, each_verb_is_answered);
	tcase_add_test(t, a_trace_server_that_starts_is_not_one_that_is_not_there);
	tcase_add_test(t, no_byte_beyond_a_fibers_stack_is_shown);
	tcase_add_test(t, text_of_the_services_cannot_hurt_a_terminal);
	tcase_add_test(t, a_record_that_is_being_written_is_left_out);
	tcase_add_loop_test(t, the_audit_names_who_is_in_nobody, 0, sizeof(slots) / sizeof(*slots));
	tcase_add_test(t, an_unknown_service_is_named);
	tcase_add_test(t, stop_is_passed_on);
	tcase_add_test(t, resize_is_passed_on_within_its_bounds);
	tcase_add_test(t, events_since_the_last_answer_are_told_once);
	tcase_add_test(t, nng_clients_understand_it);
	tcase_add_test(t, a_killed_predecessor_is_replaced);
	tcase_add_test(t, it_ends_with_the_system);
	tcase_add_checked_fixture(w, set_up, tear_down);
	tcase_add_test(w, what_is_no_request_is_an_error);
	tcase_add_test(w, who_announces_too_much_is_cut_off);
	tcase_add_test(w, no_bytes_keep_others_from_their_answer);
	tcase_add_test(w, silent_clients_keep_nobody_out);
	tcase_add_test(w, who_does_not_read_waits_alone);
	tcase_add_test(w, who_does_not_read_long_answers_costs_little);
	tcase_add_test(w, garbage_in_an_arena_is_only_garbage_in_the_answer);
	suite_add_tcase(s, t);
	suite_add_tcase(s, w);

	return bh_check_run(s);
}
