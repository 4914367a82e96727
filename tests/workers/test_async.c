/* SPDX-License-Identifier: MIT */
/* test_async.c: poll tasks written with async.h, and the poll calls they await. */
#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crew.h"
#include "tests/check_run.h"
#include "workers/base/rt.h"

enum {
	WORKERS = 2,
	MANY = 200,
	BYTES = 30000000, /* more than the sockets hold */
};

static struct tally {
	_Atomic uint32_t done, port[2];
	_Atomic uint64_t wrong, ran;
} * tally;

static struct crew crew;

static void setup(void)
{
	tally = crew_shared(sizeof(*tally));
}

static void wrong_if(bool wrong)
{
	bh_add(&tally->wrong, wrong);
}

static void finish(uint32_t workers, int64_t (*main_fn)(void *))
{
	crew_make(&crew, workers, 2000, main_fn);
	crew_wait(&crew, &tally->done, 60);
	crew_end(&crew);
	ck_assert_uint_eq(tally->wrong, 0);
}

/* -- loops, sleeps, yields, children -- */

static enum bh_poll child(struct bh_cx *cx, void *state)
{
	bh_poll_result(cx, *(int *)state * 2);
	return BH_READY;
}

/* Another poll function, awaited with its own state. */
struct inner {
	struct bh_async async;
	int i;
};

static enum bh_poll inner(struct bh_cx *cx, void *state)
{
	struct inner *s = state;

	BH_ASYNC_BEGIN(cx, &s->async);
	for (s->i = 0; s->i < 3; s->i++)
		BH_AWAIT_YIELD();
	BH_ASYNC_END();
}

struct outer {
	struct bh_async async;
	struct inner inner;
	int i, sum, err;
	int64_t before;
	bh_task child;
	struct bh_result res;
};

static enum bh_poll outer(struct bh_cx *cx, void *state)
{
	struct outer *s = state;

	BH_ASYNC_BEGIN(cx, &s->async);
	for (s->i = 0; s->i < 10; s->i++) {
		s->before = bh_now();
		if (s->i % 2)
			BH_AWAIT_SLEEP(BH_MS(2));
		wrong_if(s->i % 2 && bh_now() < s->before + BH_MS(2));
		BH_AWAIT_YIELD();
		wrong_if(bh_spawn_poll(&s->child, child, &s->i, sizeof(s->i), NULL));
		BH_AWAIT(s->err, bh_poll_join(cx, s->child, &s->res));
		wrong_if(s->err || s->res.end != BH_END_RETURNED);
		s->sum += (int)s->res.value;
	}
	BH_AWAIT_POLL(inner, &s->inner);
	wrong_if(s->inner.i != 3);
	s->before = bh_after(BH_MS(2));
	BH_AWAIT_BY(s->err, -EAGAIN, s->before);
	wrong_if(s->err != -BH_ETIMEDOUT || bh_now() < s->before);
	BH_ASYNC_RETURN(s->sum);
	BH_ASYNC_END();
}

static int64_t outer_main(void *unused)
{
	struct outer s = { 0 };
	struct bh_result res;
	bh_task t[MANY];

	(void)unused;
	for (int i = 0; i < MANY; i++)
		wrong_if(bh_spawn_poll(&t[i], outer, &s, sizeof(s), NULL));
	for (int i = 0; i < MANY; i++)
		wrong_if(bh_join(t[i], &res, BH_FOREVER) || res.value != 90);
	bh_st_rel(&tally->done, 1);
	return 0;
}

START_TEST(awaits_stand_anywhere)
{
	finish(WORKERS, outer_main);
}
END_TEST

/* -- a pair of tasks that wake each other -- */

struct waiter {
	struct bh_async async;
	_Atomic uint32_t *flag;
};

static enum bh_poll waiter(struct bh_cx *cx, void *state)
{
	struct waiter *s = state;

	BH_ASYNC_BEGIN(cx, &s->async);
	BH_AWAIT_UNTIL(bh_ld_acq(s->flag) == 1);
	bh_st_rel(s->flag, 2);
	BH_ASYNC_END();
}

static int64_t wake_main(void *unused)
{
	_Atomic uint32_t *flag = bh_calloc(1, sizeof(*flag));
	struct waiter s = { .flag = flag };
	struct bh_result res;
	bh_task t;

	(void)unused;
	wrong_if(bh_spawn_poll(&t, waiter, &s, sizeof(s), NULL));
	for (int i = 0; i < 100; i++) {
		wrong_if(bh_wake(t) || bh_yield()); /* not yet */
		wrong_if(bh_ld_acq(flag) != 0);
	}
	bh_st_rel(flag, 1);
	wrong_if(bh_wake(t) || bh_join(t, &res, BH_FOREVER) || bh_ld_acq(flag) != 2);
	bh_st_rel(&tally->done, 1);
	return 0;
}

START_TEST(a_condition_is_looked_at_when_woken)
{
	finish(WORKERS, wake_main);
}
END_TEST

/* -- sockets: two ends, each a task, and more than fits in between -- */

struct end {
	struct bh_async async;
	bh_io listener, io;
	ssize_t n;
	uint32_t at;
	unsigned char buf[1000];
};

static size_t left(uint32_t at)
{
	return BYTES - at < 1000 ? BYTES - at : 1000;
}

static enum bh_poll source(struct bh_cx *cx, void *state)
{
	struct end *s = state;

	BH_ASYNC_BEGIN(cx, &s->async);
	BH_AWAIT(s->n, bh_poll_accept(cx, s->listener, &s->io));
	wrong_if(s->n != 0);
	while (s->at < BYTES) {
		for (uint32_t i = 0; i < sizeof(s->buf); i++)
			s->buf[i] = (unsigned char)((s->at + i) % 251);
		BH_AWAIT(s->n, bh_poll_write(cx, s->io, s->buf, left(s->at)));
		if (s->n <= 0)
			BH_ASYNC_RETURN(-1);
		s->at += (uint32_t)s->n;
	}
	BH_ASYNC_RETURN(s->at);
	BH_ASYNC_END();
}

static enum bh_poll relay(struct bh_cx *cx, void *state)
{
	struct end *s = state;

	BH_ASYNC_BEGIN(cx, &s->async);
	BH_AWAIT(s->n, bh_poll_accept(cx, s->listener, &s->io));
	wrong_if(s->n != 0);
	for (;;) {
		BH_AWAIT(s->n, bh_poll_readable(cx, s->io));
		wrong_if(s->n != 0);
		BH_AWAIT(s->n, bh_poll_read(cx, s->io, s->buf, sizeof(s->buf)));
		if (s->n <= 0)
			BH_ASYNC_RETURN(s->n ? s->n : s->at);
		for (uint32_t i = 0; i < (uint32_t)s->n; i++)
			wrong_if(s->buf[i] != (s->at + i) % 251);
		s->at += (uint32_t)s->n;
	}
	BH_ASYNC_END();
}

static int dial(_Atomic uint32_t *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	while (!bh_ld_acq(port))
		usleep(1000);
	to.sin_port = htons((uint16_t)bh_ld_acq(port));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	wrong_if(connect(fd, (void *)&to, sizeof(to)) != 0);
	return fd;
}

/* The client of both: what came from the one goes to the other. */
static void client(void)
{
	int from = dial(&tally->port[0]), to = dial(&tally->port[1]);
	char buf[500];
	ssize_t n;

	while ((n = read(from, buf, sizeof(buf))) > 0)
		wrong_if(write(to, buf, (size_t)n) != n);
	_exit(0);
}

static bh_task end_task(bh_poll_fn fn, _Atomic uint32_t *port)
{
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;
	struct end e = { 0 };
	bh_task t = 0;

	wrong_if(bh_listen(&e.listener, "127.0.0.1:0"));
	bh_st_rel(port, (uint32_t)bh_local_port(e.listener));
	o.give = e.listener;
	wrong_if(bh_spawn_poll(&t, fn, &e, sizeof(e), &o));
	return t;
}

static int64_t socket_main(void *unused)
{
	struct bh_result res;
	bh_task t[2] = { end_task(source, &tally->port[0]), end_task(relay, &tally->port[1]) };

	(void)unused;
	wrong_if(bh_join(t[0], &res, BH_FOREVER) || res.value != BYTES);
	wrong_if(bh_join(t[1], &res, BH_FOREVER) || res.value != BYTES);
	bh_st_rel(&tally->done, 1);
	return 0;
}

START_TEST(sockets_are_awaited)
{
	if (fork() == 0)
		client();
	finish(1, socket_main); /* a crew's workers have descriptors of their own */
	;
}
END_TEST

int main(void)
{
	Suite *s = suite_create("workers.async");
	TCase *tc = tcase_create("core");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, awaits_stand_anywhere);
	tcase_add_test(tc, a_condition_is_looked_at_when_woken);
	tcase_add_test(tc, sockets_are_awaited);
	suite_add_tcase(s, tc);
	return bh_check_run(s);
}
