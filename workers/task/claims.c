/* SPDX-License-Identifier: MIT */
#include "workers/task/claims.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "workers/queue/queue.h"
#include "workers/wait/suspend.h"

static void wake(const struct bh_view *v, uint32_t idx, uint32_t gen)
{
	(void)v;
	bh_rt_wake(idx, gen, 0);
}

struct bh_server bh_claims_server(void)
{
	return (struct bh_server){ .v = &bh_rt.v,
				   .w = bh_rt.me,
				   .slot = bh_rt.slot,
				   .epoch = bh_rt.epoch,
				   .self = bh_rt.handle,
				   .wake = wake };
}

static bool is_job(void)
{
	return bh_rt.task->kind == BH_KIND_BLOCKING;
}

static void count_down(struct bh_tcb *t)
{
	if (t->claims && t->claims != BH_TASK_CLAIMS)
		t->claims--;
}

uint64_t bh_claims_ask(uint64_t sync, uint32_t count)
{
	const struct bh_server sv = bh_claims_server();
	struct bh_tcb *t = bh_rt.task;
	uint64_t claim;

	/* Before it is there: recovery looks for it by this. */
	if (t->claims != BH_TASK_CLAIMS)
		t->claims++;
	bh_compiler_barrier();
	claim = bh_claim_ask(&sv, bh_rt.handle, sync, count, is_job() ? BH_CLAIM_JOB : 0);
	if (!claim)
		count_down(t);
	return claim;
}

int bh_claims_look(uint64_t claim)
{
	uint64_t w;
	struct bh_claim *c = bh_claim_of(&bh_rt.v, claim, &w);

	if (!c || bh_ld_rlx(&c->owner) != bh_rt.handle)
		return -BH_ESTALE;
	switch (bh_claim_state(w)) {
	case BH_CLAIM_ASKS:
		return -EAGAIN;
	case BH_CLAIM_HELD:
		return w & BH_CLAIM_TOLD ? -BH_EOWNERDEAD : 0;
	case BH_CLAIM_REFUSED:
		bh_claims_end(claim);
		return -BH_ESTALE;
	default:
		return -BH_ESTALE;
	}
}

bool bh_claims_leave(uint64_t claim)
{
	const struct bh_server sv = bh_claims_server();

	if (!bh_claim_leave(&sv, claim))
		return false;
	bh_compiler_barrier();
	count_down(bh_rt.task);
	return true;
}

bool bh_claims_back(uint64_t claim)
{
	const struct bh_server sv = bh_claims_server();
	uint64_t w;
	struct bh_claim *c = bh_claim_of(&bh_rt.v, claim, &w);

	if (!c || bh_ld_rlx(&c->owner) != bh_rt.handle || !bh_claim_back(&sv, claim, 0))
		return false;
	bh_compiler_barrier();
	count_down(bh_rt.task);
	return true;
}

void bh_claims_end(uint64_t claim)
{
	const struct bh_server sv = bh_claims_server();

	bh_claim_end(&sv, claim);
	bh_compiler_barrier();
	count_down(bh_rt.task);
}

/* A job has its process to itself: it sleeps in a futex, of which whoever serves knows.
 * Its abort ends the process. */
static int job_wait(uint64_t claim, int64_t deadline)
{
	uint64_t w;
	struct bh_claim *c = bh_claim_of(&bh_rt.v, claim, &w);
	int64_t left = deadline == BH_FOREVER ? BH_S(60) : deadline - bh_now();

	if (left <= 0)
		return -BH_ETIMEDOUT;
	if (!c || bh_claim_state(w) != BH_CLAIM_ASKS)
		return 0;
	left = left < BH_S(60) ? left : BH_S(60);
	struct timespec ts = { left / BH_S(1), left % BH_S(1) };
	/* Its lower half: state, flags, and who asked. */
	syscall(SYS_futex, (uintptr_t)&c->word, FUTEX_WAIT, (uint32_t)w, &ts, NULL, 0);
	return 0;
}

int bh_claims_wait(uint64_t claim, int64_t deadline)
{
	int err, is;

	while ((is = bh_claims_look(claim)) == -EAGAIN) {
		err = is_job() ? job_wait(claim, deadline) :
				 bh_rt_suspend(BH_WAIT_SYNC, 0, deadline);
		if (err && bh_claims_leave(claim))
			return err;
	}
	return is;
}

void bh_claims_drop(struct bh_tcb *t)
{
	const struct bh_server sv = bh_claims_server();

	bh_claims_release(&sv, bh_rt.handle, 0);
	bh_compiler_barrier();
	t->claims = 0;
}
