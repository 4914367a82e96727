/* SPDX-License-Identifier: MIT */
/* locks.c: sync.h: mutexes, rwlocks, semaphores, notices. */
#include <signal.h>

#include "tour.h"

/* What several tasks share: memory of the task that outlives them. */
struct bank {
	bh_mutex m;
	bh_rwlock l;
	bh_semaphore s;
	bh_notice n;
	_Atomic int ready;
	int from, to; /* a thousand together, while nobody moves anything */
};

static int64_t move_some(void *arg)
{
	struct bank *b = *(struct bank **)arg;

	for (int i = 0; i < 100; i++) {
		MUST(bh_mutex_lock(b->m, BH_FOREVER));
		b->from--;
		MUST(bh_yield()); /* it is held over a wait */
		b->to++;
		MUST(bh_mutex_unlock(b->m));
	}
	return 0;
}

static int64_t move_and_crash(void *arg)
{
	struct bank *b = *(struct bank **)arg;

	MUST(bh_mutex_lock(b->m, BH_FOREVER));
	b->from--;
	raise(SIGSEGV);
	return 0;
}

struct visitor {
	struct bh_async async;
	struct bank *b;
	struct bh_waits waits;
	bh_permit permit;
	int err;
};

/* The same calls, in a poll task. */
static enum bh_poll visit_all(struct bh_cx *cx, void *state)
{
	struct visitor *v = state;

	BH_ASYNC_BEGIN(cx, &v->async);
	BH_AWAIT(v->err, bh_poll_mutex_lock(cx, v->b->m, &v->waits));
	MUST(v->err);
	MUST(bh_mutex_unlock(v->b->m));
	BH_AWAIT(v->err, bh_poll_rwlock_read(cx, v->b->l, &v->permit, &v->waits));
	MUST(bh_permit_release(v->permit));
	BH_AWAIT(v->err, bh_poll_rwlock_write(cx, v->b->l, &v->permit, &v->waits));
	MUST(bh_permit_release(v->permit));
	BH_AWAIT(v->err, bh_poll_semaphore_acquire(cx, v->b->s, 2, &v->permit, &v->waits));
	MUST(bh_permit_release(v->permit));
	BH_AWAIT_BY(v->err, bh_poll_notice_wait(cx, v->b->n, &v->waits), bh_after(BH_S(1)));
	bh_waits_leave(&v->waits); /* its place, had that taken too long */
	MUST(v->err);
	BH_ASYNC_END();
}

static int64_t wait_for_notice(void *arg)
{
	struct bank *b = *(struct bank **)arg;

	b->ready++;
	return bh_notice_wait(b->n, BH_FOREVER);
}

static void mutexes(struct bank *b)
{
	bh_task t[3];
	int err;

	for (int i = 0; i < 2; i++)
		MUST(bh_spawn(&t[i], move_some, &b, sizeof(b), NULL));
	for (int i = 0; i < 2; i++)
		MUST(bh_join(t[i], NULL, BH_FOREVER));
	say("after 200 moves: %d and %d", b->from, b->to);
	MUST(bh_spawn(&t[2], move_and_crash, &b, sizeof(b), NULL));
	MUST(bh_join(t[2], NULL, BH_FOREVER));
	err = bh_mutex_try_lock(b->m);
	say("its holder crashed: %s", bh_strerror(err));
	b->from = 1000 - b->to; /* so what it guards is put right */
	MUST(bh_mutex_unlock(b->m));
}

static void permits(struct bank *b)
{
	bh_permit r, w, p;

	MUST(bh_rwlock_read(b->l, &r, BH_FOREVER));
	MUST(bh_rwlock_try_read(b->l, &p));
	say("a writer beside two readers: %s",
	    bh_rwlock_try_write(b->l, &w) ? "has to wait" : "is let in");
	MUST(bh_permit_release(p));
	MUST(bh_permit_release(r));
	MUST(bh_rwlock_write(b->l, &w, BH_FOREVER));
	MUST(bh_permit_release(w));
	MUST(bh_semaphore_acquire(b->s, 2, &p, BH_FOREVER));
	say("permits left: %d, and a third is %s", (int)bh_semaphore_available(b->s),
	    bh_semaphore_try_acquire(b->s, 1, &r) ? "not to be had" : "there");
	MUST(bh_semaphore_add(b->s, 1));
	MUST(bh_semaphore_try_acquire(b->s, 1, &r));
	MUST(bh_permit_release(r));
	MUST(bh_permit_release(p));
}

static void notices(struct bank *b)
{
	struct visitor v = { .b = b };
	struct bh_result res;
	bh_task t[3];

	for (int i = 0; i < 2; i++)
		MUST(bh_spawn(&t[i], wait_for_notice, &b, sizeof(b), NULL));
	while (b->ready < 2)
		MUST(bh_sleep(BH_MS(1)));
	MUST(bh_sleep(BH_MS(10)));
	MUST(bh_notice_all(b->n));
	for (int i = 0; i < 2; i++)
		MUST(bh_join(t[i], NULL, BH_FOREVER));
	MUST(bh_notice_one(b->n)); /* kept, for nobody waits */
	MUST(bh_notice_try_wait(b->n));
	MUST(bh_notice_one(b->n));
	MUST(bh_spawn_poll(&t[2], visit_all, &v, sizeof(v), NULL));
	MUST(bh_join(t[2], &res, BH_FOREVER));
	say("a poll task came through all of them: %s", res.value ? "no" : "yes");
}

void tour_locks(void)
{
	struct bank *b = bh_calloc(1, sizeof(*b));

	b->from = 1000;
	MUST(bh_mutex_open(&b->m));
	MUST(bh_rwlock_open(&b->l));
	MUST(bh_semaphore_open(&b->s, 2));
	MUST(bh_notice_open(&b->n));
	mutexes(b);
	permits(b);
	notices(b);
	MUST(bh_notice_close(b->n));
	MUST(bh_semaphore_close(b->s));
	MUST(bh_rwlock_close(b->l));
	MUST(bh_mutex_close(b->m)); /* as they are at the latest when this task ends */
}
