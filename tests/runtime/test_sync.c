/* SPDX-License-Identifier: MIT */
/* test_sync.c: mutexes, rwlocks, semaphores, notices: order, ends, crashes. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "runtime.h"

/* Lies in memory of the test's own task, which outlives its children. */
struct shared {
	uint64_t object, second;
	_Atomic int ready, inside, most, done, told, stop;
	_Atomic int order[32];
	_Atomic int n;
};

struct job {
	struct shared *s;
	int id;
};

static struct shared *share(void)
{
	struct shared *s = bh_calloc(1, sizeof(*s));

	CHECK(s);
	return s;
}

static bh_task spawn(bh_fiber_fn fn, struct shared *s, int id)
{
	struct job j = { s, id };
	bh_task t;

	CHECK(bh_spawn(&t, fn, &j, sizeof(j), NULL) == 0);
	return t;
}

/* Until @n of them wait in the object: they have said so, and had time to. */
static void settle(struct shared *s, int n)
{
	EVENTUALLY(s->ready >= n);
	CHECK(bh_sleep(BH_MS(30)) == 0);
}

/* -- mutex ---------------------------------------------------------------------------- */

static int64_t counting(void *arg)
{
	struct job *j = arg;

	for (int i = 0; i < 200; i++) {
		CHECK(bh_mutex_lock(j->s->object, BH_FOREVER) == 0);
		CHECK(++j->s->inside == 1);
		if (i % 8 == 0)
			CHECK(bh_yield() == 0); /* held across a wait */
		j->s->done++;
		j->s->inside--;
		CHECK(bh_mutex_unlock(j->s->object) == 0);
	}
	return 0;
}

TEST(mutex_lets_one_in)
{
	struct shared *s = share();
	bh_task t[20];

	CHECK(bh_mutex_open(&s->object) == 0);
	for (int i = 0; i < 20; i++)
		t[i] = spawn(counting, s, i);
	for (int i = 0; i < 20; i++)
		CHECK(bh_join(t[i], NULL, BH_FOREVER) == 0);
	CHECK(s->done == 20 * 200);
	CHECK(bh_mutex_try_lock(s->object) == 0);
	CHECK(bh_mutex_try_lock(s->object) == -EAGAIN);
	CHECK(bh_mutex_unlock(s->object) == 0);
	CHECK(bh_mutex_unlock(s->object) == -EPERM);
	CHECK(bh_mutex_close(s->object) == 0);
	CHECK(bh_mutex_lock(s->object, BH_FOREVER) == -BH_ESTALE);
}

static int64_t queuing(void *arg)
{
	struct job *j = arg;
	int err;

	j->s->ready++;
	err = bh_mutex_lock(j->s->object, BH_FOREVER);
	if (err)
		return err;
	j->s->order[j->s->n++] = j->id;
	CHECK(bh_mutex_unlock(j->s->object) == 0);
	return 0;
}

TEST(mutex_is_fair)
{
	struct shared *s = share();
	bh_task t[8];

	CHECK(bh_mutex_open(&s->object) == 0);
	CHECK(bh_mutex_lock(s->object, BH_FOREVER) == 0);
	for (int i = 0; i < 8; i++) {
		t[i] = spawn(queuing, s, i);
		settle(s, i + 1);
	}
	CHECK(bh_mutex_unlock(s->object) == 0);
	for (int i = 0; i < 8; i++)
		CHECK(bh_join(t[i], NULL, BH_FOREVER) == 0);
	for (int i = 0; i < 8; i++)
		CHECK(s->order[i] == i);
}

TEST(mutex_times_out_and_leaves_no_place_behind)
{
	struct shared *s = share();
	struct bh_result res;
	bh_task t, u;

	CHECK(bh_mutex_open(&s->object) == 0);
	CHECK(bh_mutex_lock(s->object, BH_FOREVER) == 0);
	for (int i = 0; i < 200; i++)
		CHECK(bh_mutex_lock(s->object, bh_after(BH_US(10))) == -BH_ETIMEDOUT);
	t = spawn(queuing, s, 1);
	settle(s, 1);
	u = spawn(queuing, s, 2);
	settle(s, 2);
	CHECK(bh_abort(t) == 0 && bh_join(t, &res, BH_FOREVER) == 0);
	CHECK(res.value == -BH_ECANCELED);
	CHECK(bh_mutex_unlock(s->object) == 0);
	CHECK(bh_join(u, NULL, BH_FOREVER) == 0);
	CHECK(s->n == 1 && s->order[0] == 2);
}

static int64_t crashing(void *arg)
{
	struct job *j = arg;

	CHECK(bh_mutex_lock(j->s->object, BH_FOREVER) == 0);
	j->s->ready++;
	while (!j->s->stop)
		CHECK(bh_yield() == 0);
	raise(SIGSEGV);
	return 0;
}

static int64_t heir(void *arg)
{
	struct job *j = arg;
	int err;

	j->s->ready++;
	err = bh_mutex_lock(j->s->object, BH_FOREVER);
	j->s->told += err == -BH_EOWNERDEAD;
	CHECK(err == 0 || err == -BH_EOWNERDEAD);
	CHECK(bh_mutex_unlock(j->s->object) == 0);
	return 0;
}

TEST(mutex_of_a_crashed_task_goes_to_the_next_who_is_told)
{
	struct shared *s = share();
	struct bh_result res;
	bh_task t, u, v;

	CHECK(bh_mutex_open(&s->object) == 0);
	t = spawn(crashing, s, 0);
	EVENTUALLY(s->ready == 1);
	u = spawn(heir, s, 1);
	v = spawn(heir, s, 2);
	settle(s, 3);
	s->stop = 1;
	CHECK(bh_join(t, &res, BH_FOREVER) == 0 && res.end == BH_END_CRASHED);
	CHECK(bh_join(u, NULL, BH_FOREVER) == 0 && bh_join(v, NULL, BH_FOREVER) == 0);
	CHECK(s->told == 1);
	CHECK(bh_mutex_lock(s->object, BH_FOREVER) == 0);
}

/* Returns with it. */
static int64_t forgetting(void *arg)
{
	struct job *j = arg;

	return bh_mutex_lock(j->s->object, BH_FOREVER);
}

TEST(mutex_of_a_task_that_ended_is_free)
{
	struct shared *s = share();
	bh_task t;

	CHECK(bh_mutex_open(&s->object) == 0);
	t = spawn(forgetting, s, 0);
	CHECK(bh_join(t, NULL, BH_FOREVER) == 0);
	CHECK(bh_mutex_lock(s->object, bh_after(BH_S(5))) == 0);
}

static int64_t opening(void *arg)
{
	struct job *j = arg;

	CHECK(bh_mutex_open(&j->s->object) == 0);
	CHECK(bh_mutex_lock(j->s->object, BH_FOREVER) == 0);
	j->s->inside = 1;
	while (!j->s->stop)
		CHECK(bh_yield() == 0);
	if (j->id)
		raise(SIGSEGV);
	return 0;
}

TEST(mutex_goes_with_its_owner)
{
	for (int crash = 0; crash < 2; crash++) {
		struct shared *s = share();
		struct bh_result res;
		bh_task t, u;

		t = spawn(opening, s, crash);
		EVENTUALLY(s->inside);
		u = spawn(queuing, s, 1);
		settle(s, 1);
		s->stop = 1;
		CHECK(bh_join(t, NULL, BH_FOREVER) == 0);
		CHECK(bh_join(u, &res, BH_FOREVER) == 0);
		CHECK(res.value == -BH_ESTALE);
		CHECK(bh_mutex_try_lock(s->object) == -BH_ESTALE);
	}
}

/* -- poll tasks ------------------------------------------------------------------------- */

struct poller {
	struct bh_async async;
	struct shared *s;
	struct bh_waits waits;
	int err, i;
};

static enum bh_poll polling(struct bh_cx *cx, void *state)
{
	struct poller *p = state;

	BH_ASYNC_BEGIN(cx, &p->async);
	for (p->i = 0; p->i < 100; p->i++) {
		BH_AWAIT(p->err, bh_poll_mutex_lock(cx, p->s->object, &p->waits));
		CHECK(p->err == 0 && ++p->s->inside == 1);
		BH_AWAIT_YIELD();
		p->s->inside--;
		p->s->done++;
		CHECK(bh_mutex_unlock(p->s->object) == 0);
	}
	BH_ASYNC_END();
}

TEST(mutex_of_poll_tasks)
{
	struct poller p = { .s = share() };
	bh_task t[10];

	CHECK(bh_mutex_open(&p.s->object) == 0);
	for (int i = 0; i < 10; i++)
		CHECK(bh_spawn_poll(&t[i], polling, &p, sizeof(p), NULL) == 0);
	for (int i = 0; i < 10; i++)
		CHECK(bh_join(t[i], NULL, BH_FOREVER) == 0);
	CHECK(p.s->done == 10 * 100);
}

static enum bh_poll poll_once(struct bh_cx *cx, void *state)
{
	struct poller *p = state;

	BH_ASYNC_BEGIN(cx, &p->async);
	p->s->ready++;
	BH_AWAIT(p->err, bh_poll_mutex_lock(cx, p->s->object, &p->waits));
	BH_ASYNC_END();
}

TEST(an_aborted_poll_task_gives_its_place_up)
{
	struct poller p = { .s = share() };
	bh_task t;

	CHECK(bh_mutex_open(&p.s->object) == 0 && bh_mutex_try_lock(p.s->object) == 0);
	CHECK(bh_spawn_poll(&t, poll_once, &p, sizeof(p), NULL) == 0);
	settle(p.s, 1);
	CHECK(bh_abort(t) == 0 && bh_join(t, NULL, BH_FOREVER) == 0);
	CHECK(bh_mutex_unlock(p.s->object) == 0);
	CHECK(bh_mutex_lock(p.s->object, bh_after(BH_S(5))) == 0);
}

/* -- jobs ---------------------------------------------------------------------------------- */

TEST(a_job_waits_for_a_mutex)
{
	struct shared *s = share();
	struct job j = { s, 7 };
	struct bh_result res;
	bh_task t;

	CHECK(bh_mutex_open(&s->object) == 0 && bh_mutex_try_lock(s->object) == 0);
	CHECK(bh_spawn_blocking(&t, queuing, &j, sizeof(j), NULL) == 0);
	settle(s, 1);
	CHECK(s->n == 0);
	CHECK(bh_mutex_unlock(s->object) == 0);
	CHECK(bh_join(t, &res, BH_FOREVER) == 0);
	CHECK(res.end == BH_END_RETURNED && res.value == 0 && s->n == 1 && s->order[0] == 7);
}

/* -- rwlock ---------------------------------------------------------------------------------- */

static int64_t reading(void *arg)
{
	struct job *j = arg;
	bh_permit h;

	CHECK(bh_rwlock_read(j->s->object, &h, BH_FOREVER) == 0);
	j->s->inside++;
	while (!j->s->stop)
		CHECK(bh_yield() == 0);
	CHECK(bh_permit_release(h) == 0);
	return 0;
}

static int64_t writing(void *arg)
{
	struct job *j = arg;
	bh_permit h;

	j->s->ready++;
	CHECK(bh_rwlock_write(j->s->object, &h, BH_FOREVER) == 0);
	j->s->order[j->s->n++] = j->id;
	if (j->id == 99)
		raise(SIGSEGV);
	CHECK(bh_permit_release(h) == 0);
	return 0;
}

static int64_t reading_late(void *arg)
{
	struct job *j = arg;
	bh_permit h;

	j->s->ready++;
	int err = bh_rwlock_read(j->s->object, &h, BH_FOREVER);
	CHECK(err == 0 || err == -BH_EOWNERDEAD);
	j->s->told += err == -BH_EOWNERDEAD;
	j->s->order[j->s->n++] = j->id;
	CHECK(bh_permit_release(h) == 0);
	return 0;
}

TEST(rwlock_lets_readers_in_together_and_no_reader_past_a_writer)
{
	struct shared *s = share();
	bh_task t[5];
	bh_permit h;

	CHECK(bh_rwlock_open(&s->object) == 0);
	for (int i = 0; i < 3; i++)
		t[i] = spawn(reading, s, i);
	EVENTUALLY(s->inside == 3);
	CHECK(bh_rwlock_try_write(s->object, &h) == -EAGAIN);
	t[3] = spawn(writing, s, 1);
	settle(s, 1);
	CHECK(bh_rwlock_try_read(s->object, &h) == -EAGAIN);
	t[4] = spawn(reading_late, s, 2);
	settle(s, 2);
	CHECK(s->n == 0);
	s->stop = 1;
	for (int i = 0; i < 5; i++)
		CHECK(bh_join(t[i], NULL, BH_FOREVER) == 0);
	CHECK(s->n == 2 && s->order[0] == 1 && s->order[1] == 2 && s->told == 0);
}

TEST(rwlock_of_a_crashed_writer_goes_to_the_next_who_is_told)
{
	struct shared *s = share();
	bh_task t, u;
	bh_permit h;

	CHECK(bh_rwlock_open(&s->object) == 0);
	CHECK(bh_rwlock_read(s->object, &h, BH_FOREVER) == 0);
	t = spawn(writing, s, 99);
	settle(s, 1);
	u = spawn(reading_late, s, 2);
	settle(s, 2);
	CHECK(bh_permit_release(h) == 0);
	CHECK(bh_join(t, NULL, BH_FOREVER) == 0 && bh_join(u, NULL, BH_FOREVER) == 0);
	CHECK(s->told == 1 && s->order[1] == 2);
}

/* -- semaphore -------------------------------------------------------------------------------- */

static int64_t taking(void *arg)
{
	struct job *j = arg;
	bh_permit h;

	j->s->ready++;
	CHECK(bh_semaphore_acquire(j->s->object, (uint32_t)j->id, &h, BH_FOREVER) == 0);
	j->s->order[j->s->n++] = j->id;
	while (!j->s->stop)
		CHECK(bh_yield() == 0);
	if (j->s->stop == 2)
		raise(SIGSEGV);
	return bh_permit_release(h);
}

TEST(semaphore_counts_and_is_fair)
{
	struct shared *s = share();
	bh_task t, u;
	bh_permit h, g;

	CHECK(bh_semaphore_open(&s->object, 5) == 0);
	CHECK(bh_semaphore_acquire(s->object, 3, &h, BH_FOREVER) == 0);
	CHECK(bh_semaphore_available(s->object) == 2);
	CHECK(bh_semaphore_try_acquire(s->object, 3, &g) == -EAGAIN);
	CHECK(bh_semaphore_try_acquire(s->object, 0, &g) == -EINVAL);
	t = spawn(taking, s, 4);
	settle(s, 1);
	u = spawn(taking, s, 1); /* there is one, and who came before wants more */
	settle(s, 2);
	CHECK(s->n == 0);
	CHECK(bh_permit_release(h) == 0 && bh_permit_release(h) == -BH_ESTALE);
	EVENTUALLY(s->n == 2);
	CHECK(bh_semaphore_available(s->object) == 0);
	CHECK(bh_semaphore_add(s->object, 2) == 0);
	CHECK(bh_semaphore_available(s->object) == 2);
	s->stop = 1;
	CHECK(bh_join(t, NULL, BH_FOREVER) == 0 && bh_join(u, NULL, BH_FOREVER) == 0);
	CHECK(bh_semaphore_available(s->object) == 7);
}

TEST(permits_of_a_crashed_task_come_back)
{
	struct shared *s = share();
	bh_task t;

	CHECK(bh_semaphore_open(&s->object, 5) == 0);
	t = spawn(taking, s, 4);
	EVENTUALLY(s->n == 1);
	CHECK(bh_semaphore_available(s->object) == 1);
	s->stop = 2;
	CHECK(bh_join(t, NULL, BH_FOREVER) == 0);
	EVENTUALLY(bh_semaphore_available(s->object) == 5);
}

/* -- notice ------------------------------------------------------------------------------------- */

static int64_t noticing(void *arg)
{
	struct job *j = arg;

	j->s->ready++;
	CHECK(bh_notice_wait(j->s->object, BH_FOREVER) == 0);
	j->s->order[j->s->n++] = j->id;
	return 0;
}

TEST(notice_wakes_one_or_all_and_one_is_kept)
{
	struct shared *s = share();
	bh_task t[4];

	CHECK(bh_notice_open(&s->object) == 0);
	CHECK(bh_notice_try_wait(s->object) == -EAGAIN);
	CHECK(bh_notice_one(s->object) == 0 && bh_notice_one(s->object) == 0);
	CHECK(bh_notice_wait(s->object, BH_FOREVER) == 0);
	CHECK(bh_notice_try_wait(s->object) == -EAGAIN);
	for (int i = 0; i < 4; i++) {
		t[i] = spawn(noticing, s, i);
		settle(s, i + 1);
	}
	CHECK(bh_notice_one(s->object) == 0);
	CHECK(bh_join(t[0], NULL, BH_FOREVER) == 0);
	CHECK(s->n == 1);
	CHECK(bh_notice_all(s->object) == 0);
	for (int i = 1; i < 4; i++)
		CHECK(bh_join(t[i], NULL, BH_FOREVER) == 0);
	CHECK(s->n == 4);
	CHECK(bh_notice_try_wait(s->object) == -EAGAIN); /* none of those is kept */
}

/* -- many, and crashes ---------------------------------------------------------------------------- */

static int64_t hammering(void *arg)
{
	struct job *j = arg;
	bh_permit h;

	for (int i = 0; i < 60; i++) {
		int err = bh_mutex_lock(j->s->object, bh_after(BH_S(20)));

		CHECK(err == 0 || err == -BH_EOWNERDEAD);
		CHECK(++j->s->inside == 1);
		if (j->id % 5 == 0 && i == 30) {
			j->s->inside--;
			raise(SIGKILL);
		}
		j->s->inside--;
		CHECK(bh_mutex_unlock(j->s->object) == 0);
		err = bh_semaphore_acquire(j->s->second, 1 + (uint32_t)j->id % 3, &h,
					   bh_after(BH_MS(i % 4 ? 20000 : 1)));
		CHECK(err == 0 || err == -BH_ETIMEDOUT);
		if (!err && i % 3 == 0)
			CHECK(bh_yield() == 0);
		if (!err)
			CHECK(bh_permit_release(h) == 0);
	}
	j->s->done++;
	return 0;
}

TEST(nothing_is_lost_when_holders_are_killed)
{
	struct shared *s = share();
	bh_task t[25];

	CHECK(bh_mutex_open(&s->object) == 0 && bh_semaphore_open(&s->second, 4) == 0);
	for (int i = 0; i < 25; i++)
		t[i] = spawn(hammering, s, i);
	for (int i = 0; i < 25; i++)
		CHECK(bh_join(t[i], NULL, BH_FOREVER) == 0);
	CHECK(s->done == 20);
	int err = bh_mutex_lock(s->object, bh_after(BH_S(20)));
	CHECK(err == 0 || err == -BH_EOWNERDEAD);
	EVENTUALLY(bh_semaphore_available(s->second) == 4);
}

RUNTIME_MAIN("sync")
