/* SPDX-License-Identifier: MIT */
/* test_cancel.c: abort, clean-ups, scopes, and what an abort leaves behind. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime.h"

/* -- clean-ups -------------------------------------------------------------------- */

struct trace {
	_Atomic int waits; /* all clean-ups are registered, and the task goes to sleep */
	_Atomic int n;
	_Atomic int at[64];
};

struct note {
	struct trace *trace;
	int what;
};

static void write_note(void *arg)
{
	struct note *n = arg;

	n->trace->at[n->trace->n++ % 64] = n->what;
}

static int defer_note(struct trace *t, int what)
{
	struct note *n = bh_alloc(sizeof(*n));

	CHECK(n);
	*n = (struct note){ t, what };
	return bh_defer(write_note, n);
}

/* Shared by the tasks of one test: memory of the test's own task, which outlives
 * its children. */
struct job {
	struct trace *trace;
	int count;
	int wait;
};

static int64_t deferring(void *arg)
{
	struct job *j = arg;

	for (int i = 0; i < j->count; i++)
		CHECK(defer_note(j->trace, i) == 0);
	j->trace->waits = 1;
	return j->wait ? bh_suspend(BH_FOREVER) : 0;
}

static void check_reversed(const struct trace *t, int count)
{
	CHECK(t->n == count);
	for (int i = 0; i < count; i++)
		CHECK(t->at[i] == count - 1 - i);
}

TEST(defers_run_on_return_last_first)
{
	struct trace *t = bh_calloc(1, sizeof(*t));
	struct job j = { t, 40, 0 }; /* more than one block of them */
	bh_task task;

	CHECK(bh_spawn(&task, deferring, &j, sizeof(j), NULL) == 0);
	CHECK(bh_join(task, NULL, BH_FOREVER) == 0);
	check_reversed(t, 40);
}

TEST(defers_run_on_abort)
{
	struct trace *t = bh_calloc(1, sizeof(*t));
	struct job j = { t, 3, 1 };
	struct bh_result res;
	bh_task task;

	CHECK(bh_spawn(&task, deferring, &j, sizeof(j), NULL) == 0);
	EVENTUALLY(t->waits);
	CHECK(t->n == 0);
	CHECK(bh_abort(task) == 0 && bh_join(task, &res, BH_FOREVER) == 0);
	CHECK(res.end == BH_END_CANCELED);
	check_reversed(t, 3);
}

static enum bh_poll poll_deferring(struct bh_cx *cx, void *state)
{
	struct job *j = state;

	(void)cx;
	for (; j->count; j->count--)
		CHECK(defer_note(j->trace, 3 - j->count) == 0);
	j->trace->waits = 1;
	return j->wait ? BH_PENDING : BH_READY;
}

TEST(defers_of_poll_tasks)
{
	for (int wait = 0; wait < 2; wait++) {
		struct trace *t = bh_calloc(1, sizeof(*t));
		struct job j = { t, 3, wait };
		bh_task task;

		CHECK(bh_spawn_poll(&task, poll_deferring, &j, sizeof(j), NULL) == 0);
		if (wait) {
			EVENTUALLY(t->waits);
			CHECK(t->n == 0 && bh_abort(task) == 0);
		}
		CHECK(bh_join(task, NULL, BH_FOREVER) == 0);
		check_reversed(t, 3);
	}
}

static int64_t deferring_crash(void *arg)
{
	struct job *j = arg;

	CHECK(defer_note(j->trace, 1) == 0);
	raise(SIGKILL);
	return 0;
}

TEST(defers_do_not_run_after_a_crash)
{
	struct trace *t = bh_calloc(1, sizeof(*t));
	struct job j = { t, 1, 0 };
	struct bh_result res;
	bh_task task;

	CHECK(bh_spawn(&task, deferring_crash, &j, sizeof(j), NULL) == 0);
	CHECK(bh_join(task, &res, BH_FOREVER) == 0 && res.end == BH_END_CRASHED);
	CHECK(t->n == 0);
}

static void defer_again(void *arg)
{
	struct note *n = arg;

	if (n->what-- > 0)
		CHECK(bh_defer(defer_again, n) == 0);
	write_note(&(struct note){ n->trace, n->what });
}

static int64_t deferring_again(void *arg)
{
	struct job *j = arg;
	struct note *n = bh_alloc(sizeof(*n));

	CHECK(n);
	*n = (struct note){ j->trace, 5 };
	return bh_defer(defer_again, n);
}

TEST(defers_may_defer)
{
	struct trace *t = bh_calloc(1, sizeof(*t));
	struct job j = { t, 0, 0 };
	bh_task task;

	CHECK(bh_spawn(&task, deferring_again, &j, sizeof(j), NULL) == 0);
	CHECK(bh_join(task, NULL, BH_FOREVER) == 0);
	CHECK(t->n == 6);
}

/* -- scopes -------------------------------------------------------------------------- */

static int64_t sleep_ms(void *arg)
{
	int64_t ms = *(int64_t *)arg;

	return bh_sleep(BH_MS(ms)) ? -1 : ms;
}

static int64_t forever(void *arg)
{
	(void)arg;
	return bh_suspend(BH_FOREVER);
}

static int64_t crash(void *arg)
{
	(void)arg;
	abort();
}

TEST(scope_reports_children_in_the_order_of_their_ends)
{
	static const int64_t ms[3] = { 120, 10, 60 };
	struct bh_scope *s;
	struct bh_result res;

	CHECK(bh_scope_open(&s) == 0);
	for (int i = 0; i < 3; i++)
		CHECK(bh_scope_spawn(s, sleep_ms, &ms[i], sizeof(ms[i]), NULL) == 0);
	for (int64_t i = 0, last = 0; i < 3; i++) {
		CHECK(bh_scope_next(s, NULL, &res, BH_FOREVER) == 0);
		CHECK(res.value > last);
		last = res.value;
	}
	CHECK(bh_scope_next(s, NULL, &res, BH_FOREVER) == -ENOENT);
	bh_scope_close(s);
}

TEST(scope_takes_the_first_and_ends_the_rest)
{
	int64_t soon = 1;
	struct bh_scope *s;
	struct bh_result res;
	struct bh_stats before = { .size = sizeof(before) }, after = before;

	CHECK(bh_stats_get(&before) == 0);
	CHECK(bh_scope_open(&s) == 0);
	for (int i = 0; i < 100; i++)
		CHECK(bh_scope_spawn(s, forever, NULL, 0, NULL) == 0);
	CHECK(bh_scope_next(s, NULL, &res, bh_after(BH_MS(5))) == -BH_ETIMEDOUT);
	CHECK(bh_scope_spawn(s, sleep_ms, &soon, sizeof(soon), NULL) == 0);
	CHECK(bh_scope_next(s, NULL, &res, BH_FOREVER) == 0);
	CHECK(res.end == BH_END_RETURNED && res.value == 1);
	CHECK(bh_scope_count(s) == 100);
	bh_scope_close(s);
	CHECK(bh_stats_get(&after) == 0);
	CHECK(after.live == before.live);
}

TEST(scope_waits_for_all_and_counts_the_lost)
{
	int64_t ms = 5;
	struct bh_scope *s;
	bh_task t;

	CHECK(bh_scope_open(&s) == 0);
	for (int i = 0; i < 10; i++)
		CHECK(bh_scope_spawn(s, i % 5 ? sleep_ms : crash, &ms, sizeof(ms), NULL) == 0);
	CHECK(bh_spawn(&t, forever, NULL, 0, NULL) == 0);
	CHECK(bh_scope_add(s, t) == 0);
	CHECK(bh_scope_add(s, bh_self()) == -EPERM);
	CHECK(bh_abort(t) == 0);
	CHECK(bh_scope_wait(s, BH_FOREVER) == 3);
	CHECK(bh_scope_add(s, t) == -BH_ESTALE);
	bh_scope_close(s);
}

static enum bh_poll poll_scope(struct bh_cx *cx, void *state)
{
	struct bh_scope **s = state;
	struct bh_result res;
	int64_t ms = 5;
	int err;

	if (!*s) {
		CHECK(bh_scope_open(s) == 0);
		for (int i = 0; i < 20; i++)
			CHECK(bh_scope_spawn(*s, sleep_ms, &ms, sizeof(ms), NULL) == 0);
	}
	while (!(err = bh_poll_scope_next(cx, *s, NULL, &res)))
		CHECK(res.value == 5);
	if (err == -EAGAIN)
		return BH_PENDING;
	CHECK(err == -ENOENT);
	bh_scope_close(*s);
	return BH_READY;
}

TEST(scope_of_a_poll_task)
{
	struct bh_scope *none = NULL;
	struct bh_result res;
	bh_task t;

	CHECK(bh_spawn_poll(&t, poll_scope, &none, sizeof(none), NULL) == 0);
	CHECK(bh_join(t, &res, BH_FOREVER) == 0 && res.end == BH_END_RETURNED);
}

/* Its child needs a moment to clean up, and must have done so when the scope is
 * closed, although the task that closes it is aborted, too. */
struct lives {
	_Atomic int begun, cleaned, closed_before;
};

static void clean_up(void *arg)
{
	((struct lives *)arg)->cleaned = 1;
}

static int64_t slow_child(void *arg)
{
	struct lives *l = *(struct lives **)arg;

	CHECK(bh_defer(clean_up, l) == 0);
	l->begun = 1;
	int err = bh_suspend(BH_FOREVER);
	for (int i = 0; i < 2000000; i++)
		__asm__ volatile("");
	return err;
}

static int64_t scoped(void *arg)
{
	struct lives *l = *(struct lives **)arg;
	struct bh_scope *s;

	CHECK(bh_scope_open(&s) == 0);
	CHECK(bh_scope_spawn(s, slow_child, arg, sizeof(l), NULL) == 0);
	CHECK(bh_scope_wait(s, BH_FOREVER) == -BH_ECANCELED);
	bh_scope_close(s);
	l->closed_before = !l->cleaned;
	return 0;
}

TEST(no_child_outlives_its_scope)
{
	struct lives *l = bh_calloc(1, sizeof(*l));
	struct bh_result res;
	bh_task t;

	CHECK(bh_spawn(&t, scoped, &l, sizeof(l), NULL) == 0);
	EVENTUALLY(l->begun);
	CHECK(bh_abort(t) == 0 && bh_join(t, &res, BH_FOREVER) == 0);
	CHECK(res.end == BH_END_CANCELED && l->cleaned && !l->closed_before);
}

/* -- what an abort leaves behind -------------------------------------------------------- */

struct net {
	bh_io listener;
	int client;
	bh_io server;
};

static void connect_pair(struct net *n)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };

	CHECK(bh_listen(&n->listener, "127.0.0.1:0") == 0);
	a.sin_port = htons((uint16_t)bh_local_port(n->listener));
	n->client = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(n->client >= 0);
	CHECK(connect(n->client, (struct sockaddr *)&a, sizeof(a)) == 0);
	CHECK(bh_accept(n->listener, &n->server, bh_after(BH_S(10))) == 0);
}

/* What the victim's call said, told through memory of the test's task. */
struct victim {
	_Atomic int begun;
	_Atomic int64_t said;
	bh_io io;
	int (*call)(struct victim *v);
};

static int64_t run_victim(void *arg)
{
	struct victim *v = *(struct victim **)arg;
	v->begun = 1;
	int rc = v->call(v);

	v->said = rc;
	/* From now on each call says so. */
	CHECK(bh_sleep(1) == -BH_ECANCELED && bh_yield() == -BH_ECANCELED);
	return 1;
}

static void abort_in(struct victim *v, const struct bh_spawn_opts *opts)
{
	struct bh_result res;
	bh_task t;

	v->begun = 0;
	v->said = 1000;
	CHECK(bh_spawn(&t, run_victim, &v, sizeof(v), opts) == 0);
	EVENTUALLY(v->begun);
	CHECK(bh_join(t, NULL, bh_after(BH_MS(20))) == -BH_ETIMEDOUT);
	CHECK(v->said == 1000);
	CHECK(bh_abort(t) == 0 && bh_join(t, &res, BH_FOREVER) == 0);
	CHECK(res.end == BH_END_CANCELED && v->said == -BH_ECANCELED);
}

static int call_read(struct victim *v)
{
	char buf[8];

	return (int)bh_read(v->io, buf, sizeof(buf), BH_FOREVER);
}

static int call_readable(struct victim *v)
{
	return bh_readable(v->io, BH_FOREVER);
}

static int call_write(struct victim *v)
{
	static const char big[1 << 20];
	ssize_t n;

	do {
		n = bh_write(v->io, big, sizeof(big), BH_FOREVER);
	} while (n > 0);
	return (int)n;
}

static int call_accept(struct victim *v)
{
	bh_io got;

	return bh_listen(&v->io, "127.0.0.1:0") ? -1 : bh_accept(v->io, &got, BH_FOREVER);
}

static int call_sleep(struct victim *v)
{
	(void)v;
	return bh_sleep(BH_S(3600));
}

static int call_suspend(struct victim *v)
{
	(void)v;
	return bh_suspend(BH_FOREVER);
}

static int call_tick(struct victim *v)
{
	struct bh_interval iv;

	(void)v;
	CHECK(bh_interval_init(&iv, bh_after(BH_S(3600)), BH_S(1), BH_MISSED_BURST) == 0);
	int64_t next = iv.next;
	int rc = bh_interval_tick(&iv, NULL);
	CHECK(iv.next == next);
	return rc;
}

static int call_join(struct victim *v)
{
	bh_task t;

	(void)v;
	CHECK(bh_spawn(&t, forever, NULL, 0, NULL) == 0);
	int rc = bh_join(t, NULL, BH_FOREVER);
	CHECK(bh_abort(t) == 0); /* the handle is still good */
	return rc;
}

static int64_t nothing(void *arg)
{
	(void)arg;
	return 0;
}

static int64_t call_timeout_body(void *arg)
{
	(void)arg;
	return bh_sleep(BH_S(3600));
}

static int call_timeout(struct victim *v)
{
	int64_t value;

	(void)v;
	CHECK(bh_run_until(call_timeout_body, NULL, &value, bh_after(BH_S(3600))) == 0);
	return (int)value;
}

TEST(abort_wakes_whatever_waits)
{
	static int (*const calls[])(struct victim *) = { call_sleep, call_suspend, call_tick,
							 call_accept, call_timeout };
	struct victim *v = bh_calloc(1, sizeof(*v));

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		v->call = calls[i];
		abort_in(v, NULL);
	}
}

TEST(abort_of_a_join_keeps_the_handle)
{
	struct victim *v = bh_calloc(1, sizeof(*v));

	v->call = call_join;
	abort_in(v, NULL);
}

TEST(abort_of_a_socket_call_closes_what_the_task_had)
{
	static int (*const calls[])(struct victim *) = { call_read, call_readable, call_write };
	struct bh_spawn_opts opts = BH_SPAWN_OPTS_INIT;
	struct victim *v = bh_calloc(1, sizeof(*v));
	static char buf[1 << 16];
	struct net n;

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		connect_pair(&n);
		v->call = calls[i];
		v->io = opts.give = n.server;
		abort_in(v, &opts);
		/* Its client sees the end, not silence. */
		ssize_t got;
		while ((got = recv(n.client, buf, sizeof(buf), 0)) > 0)
			;
		CHECK(got == 0 || errno == ECONNRESET);
		close(n.client);
		CHECK(bh_close(n.listener) == 0);
	}
}

TEST(abort_before_the_start)
{
	struct bh_result res;
	bh_task t[200];

	for (int i = 0; i < 200; i++)
		CHECK(bh_spawn(&t[i], nothing, NULL, 0, NULL) == 0 && bh_abort(t[i]) == 0);
	for (int i = 0; i < 200; i++) {
		CHECK(bh_join(t[i], &res, BH_FOREVER) == 0);
		CHECK(res.end == BH_END_CANCELED || res.end == BH_END_RETURNED);
	}
	CHECK(bh_abort(t[0]) == -BH_ESTALE);
}

/* -- tokens ------------------------------------------------------------------------------ */

static int64_t wait_for(void *arg)
{
	return bh_token_wait(*(bh_token *)arg, BH_FOREVER);
}

/* Waits in something else; counts in @begun. */
struct guarded {
	bh_token token;
	_Atomic int *begun;
};

static int64_t sleep_long(void *arg)
{
	struct guarded *g = arg;

	(*g->begun)++;
	return bh_sleep(BH_S(3600));
}

static int64_t guarded(void *arg)
{
	struct guarded *g = arg;
	int64_t value = 0;

	return bh_token_run(g->token, sleep_long, g, &value) == -BH_ECANCELED ? value : -1000;
}

static enum bh_poll poll_token(struct bh_cx *cx, void *state)
{
	int err = bh_poll_token_wait(cx, *(bh_token *)state);

	if (err == -EAGAIN)
		return BH_PENDING;
	bh_poll_result(cx, err);
	return BH_READY;
}

enum {
	CROWD = 300 /* more than a token has cells */
};

/* Waiters of every kind, few and many, are all woken by one cancel. */
static void cancel_crowd(int each)
{
	_Atomic int *begun = bh_calloc(1, sizeof(*begun));
	struct guarded g = { .begun = begun };
	struct bh_scope *s;
	struct bh_result res;
	bh_task t;
	int n = 0;

	CHECK(begun && bh_scope_open(&s) == 0 && bh_token_open(&g.token, 0) == 0);
	for (int i = 0; i < each; i++) {
		CHECK(bh_scope_spawn(s, wait_for, &g.token, sizeof(g.token), NULL) == 0);
		CHECK(bh_scope_spawn(s, guarded, &g, sizeof(g), NULL) == 0);
		CHECK(bh_spawn_poll(&t, poll_token, &g.token, sizeof(g.token), NULL) == 0);
		CHECK(bh_scope_add(s, t) == 0);
	}
	EVENTUALLY(*begun == each);
	CHECK(bh_token_canceled(g.token) == 0);
	CHECK(bh_scope_next(s, NULL, &res, BH_NOWAIT) == -BH_ETIMEDOUT);
	CHECK(bh_token_cancel(g.token) == 0 && bh_token_canceled(g.token) == 1);
	while (bh_scope_next(s, NULL, &res, bh_after(BH_S(60))) == 0) {
		CHECK(res.end == BH_END_RETURNED);
		CHECK(res.value == 0 || res.value == -BH_ECANCELED);
		n++;
	}
	CHECK(n == 3 * each);
	CHECK(bh_token_cancel(g.token) == 0); /* again: nothing */
	CHECK(bh_token_wait(g.token, BH_FOREVER) == 0);
	bh_scope_close(s);
	CHECK(bh_token_close(g.token) == 0 && bh_token_canceled(g.token) == -BH_ESTALE);
	CHECK(bh_token_close(g.token) == -BH_ESTALE && bh_token_cancel(g.token) == -BH_ESTALE);
}

TEST(token_wakes_the_few)
{
	cancel_crowd(2);
}

TEST(token_wakes_the_many)
{
	cancel_crowd(CROWD);
}

TEST(tokens_form_a_tree)
{
	bh_token root, left, right, leaf[CROWD], deep = 0, t;
	bh_task waiter;
	struct bh_result res;
	int depth = 0;

	CHECK(bh_token_open(&root, 0) == 0);
	CHECK(bh_token_open(&left, root) == 0 && bh_token_open(&right, root) == 0);
	for (int i = 0; i < CROWD; i++)
		CHECK(bh_token_open(&leaf[i], left) == 0);
	CHECK(bh_spawn(&waiter, wait_for, &leaf[CROWD - 1], sizeof(bh_token), NULL) == 0);
	CHECK(bh_token_cancel(right) == 0);
	CHECK(bh_token_canceled(root) == 0 && bh_token_canceled(left) == 0);
	CHECK(bh_token_cancel(root) == 0);
	for (int i = 0; i < CROWD; i++)
		CHECK(bh_token_canceled(leaf[i]) == 1);
	CHECK(bh_join(waiter, &res, BH_FOREVER) == 0 && res.value == 0);
	CHECK(bh_token_open(&t, left) == 0 && bh_token_canceled(t) == 1);
	while (bh_token_open(&t, deep) == 0) {
		deep = t;
		depth++;
	}
	CHECK(depth == 16 && bh_token_open(&t, deep) == -ELOOP);
}

/* What the owner's end means to those who wait. */
static int64_t token_owner(void *arg)
{
	bh_token *out = *(bh_token **)arg, t;

	CHECK(bh_token_open(&t, 0) == 0);
	*(volatile bh_token *)out = t;
	if (bh_suspend(BH_FOREVER))
		return 0;
	raise(SIGKILL);
	return 0;
}

static void owner_ends(bool crash)
{
	bh_token *told = bh_calloc(1, sizeof(*told));
	struct bh_result res;
	bh_task owner, waiter;

	CHECK(bh_spawn(&owner, token_owner, &told, sizeof(told), NULL) == 0);
	EVENTUALLY(*(volatile bh_token *)told != 0);
	bh_token t = *told;
	CHECK(bh_token_close(t) == -EPERM);
	CHECK(bh_spawn(&waiter, wait_for, &t, sizeof(t), NULL) == 0);
	CHECK(bh_join(waiter, NULL, bh_after(BH_MS(20))) == -BH_ETIMEDOUT);
	if (crash)
		CHECK(bh_wake(owner) == 0);
	else
		CHECK(bh_abort(owner) == 0);
	CHECK(bh_join(waiter, &res, bh_after(BH_S(60))) == 0);
	CHECK(res.value == 0 || res.value == -BH_ESTALE);
	CHECK(bh_join(owner, &res, BH_FOREVER) == 0);
	if (crash)
		CHECK(res.end == BH_END_CRASHED);
	EVENTUALLY(bh_token_canceled(t) == -BH_ESTALE);
}

TEST(token_of_one_that_crashed)
{
	owner_ends(true);
}

TEST(token_of_one_that_ended)
{
	owner_ends(false);
}

static int64_t wait_and_die(void *arg)
{
	_Atomic int *begun = *(_Atomic int **)arg;

	(*begun)++;
	if (bh_suspend(BH_FOREVER))
		return 0;
	raise(SIGKILL);
	return 0;
}

/* Cells of those who are gone are used again, and tokens are, too. */
TEST(tokens_are_used_again)
{
	bh_token t, first, parent;

	CHECK(bh_token_open(&parent, 0) == 0);
	CHECK(bh_token_open(&first, parent) == 0);
	for (int i = 0; i < 100000; i++) {
		CHECK(bh_token_open(&t, parent) == 0);
		CHECK(bh_token_wait(t, BH_NOWAIT) == -BH_ETIMEDOUT);
		CHECK(bh_token_close(t) == 0);
	}
	CHECK(bh_token_cancel(parent) == 0 && bh_token_canceled(first) == 1);
}

TEST(service_token_is_not_the_users)
{
	bh_token t = bh_stop_token();
	_Atomic int *begun = bh_calloc(1, sizeof(*begun));
	bh_task victim;

	CHECK(t && bh_token_canceled(t) == 0);
	CHECK(bh_token_cancel(t) == -EPERM && bh_token_close(t) == -EPERM);
	CHECK(bh_token_wait(t, bh_after(BH_MS(1))) == -BH_ETIMEDOUT);
	CHECK(bh_spawn(&victim, wait_and_die, &begun, sizeof(begun), NULL) == 0);
	EVENTUALLY(*begun);
	CHECK(bh_wake(victim) == 0 && bh_join(victim, NULL, BH_FOREVER) == 0);
	CHECK(bh_token_canceled(bh_stop_token()) == 0);
}

RUNTIME_MAIN("cancel")
