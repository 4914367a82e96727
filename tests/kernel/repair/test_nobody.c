/* SPDX-License-Identifier: MIT */
/* Slots in which nobody is (kernel/repair/nobody.c). The board is made to say so while the kernel
 * is stopped; the same kernel puts it right when it goes on, and so does the next one. */
#include <bulkhead/task.h>
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipc/arena/incarnation.h"
#include "tests/check_run.h"
#include "tests/kernel/rig.h"

enum {
	PARENT = 8,
	CHILD = 9, /* which worker 0 runs, and PARENT waits for */
};

static struct rig r;
static const struct bh_board_service *service;
static const struct bh_proc *p; /* the workers' entries */
static pid_t old;

static pid_t worker(void)
{
	return service->worker_pid[0];
}

static bool all_up(void)
{
	for (uint32_t i = 0; i < RIG_WORKERS; i++)
		if (bh_ld_acq(&p[i].state) != BH_PROC_UP || p[i].pid <= 0)
			return false;
	return bh_ld_acq(&rig_proc(&r, BH_PROC_TWIN)->state) == BH_PROC_UP;
}

static void begin(void)
{
	rig_init(&r);
	rig_start(&r, true);
	service = &r.board->services[0];
	p = rig_proc(&r, BH_PROC_WORKER);
	rig_until(all_up());
	old = worker();
}

static void setup(void)
{
	unsetenv("FAKE_MUTE");
	begin();
}

static void teardown(void)
{
	rig_fini(&r);
}

static void write_pid(int slot, int32_t pid)
{
	rig_write(&r, &p[slot].pid, &pid, sizeof(pid));
}

static void write_word(const void *field, uint32_t value)
{
	rig_write(&r, field, &value, sizeof(value));
}

/* Dead, and the guardian has reaped it. */
static void end_worker(void)
{
	kill(old, SIGKILL);
	rig_until(rig_gone(old));
}

static bool stopped(pid_t pid)
{
	char path[40], text[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (!(f = fopen(path, "re")))
		return false;
	bool got = fgets(text, sizeof(text), f) != NULL;
	fclose(f);
	return got && strstr(text, ") T ");
}

static void run_a_task(void)
{
	struct bh_tcb *child = &r.v.tasks[CHILD], *parent = &r.v.tasks[PARENT];
	uint32_t epoch = service->worker_epoch[0];

	parent->wait = BH_WAIT_JOIN;
	parent->wait_on = bh_handle(1, CHILD);
	bh_st_rlx(&parent->child, CHILD);
	bh_st_rel(&parent->state, bh_state_make(1, 0, BH_OWNER_NONE, 0, BH_WAITING));
	bh_st_rlx(&child->parent, bh_handle(1, PARENT));
	bh_st_rel(&child->state, bh_state_make(1, epoch, 0, 0, BH_RUNNING));
	bh_st_rel(&r.v.workers[0].current, bh_handle(1, CHILD));
}

static void stop_kernel(void)
{
	kill(r.board->kernel_pid, SIGSTOP);
	rig_until(stopped(r.board->kernel_pid));
	run_a_task();
}

/* The same kernel, or (@next) its successor. */
static void go_on(bool next)
{
	kill(r.board->kernel_pid, next ? SIGKILL : SIGCONT);
	if (next)
		rig_until(rig_attached(&r));
}

static bool told(void)
{
	return bh_state_of(bh_ld_acq(&r.v.tasks[CHILD].state)) == BH_DONE &&
	       bh_state_of(bh_ld_acq(&r.v.tasks[PARENT].state)) == BH_SCHEDULED;
}

static bool replaced(void)
{
	return worker() > 0 && worker() != old && all_up();
}

static void check_recovered(void)
{
	rig_until(replaced() && told());
	ck_assert_int_eq(r.v.tasks[CHILD].end, BH_END_CRASHED);
	ck_assert_uint_eq(service->resets, 0);
	ck_assert_uint_eq(service->zygote_restarts, 0);
}

START_TEST(up_without_a_process)
{
	stop_kernel();
	end_worker();
	write_pid(0, 0);
	go_on(_i);
	check_recovered();
	ck_assert_uint_eq(service->worker_crashes[0], 1);
	ck_assert_uint_eq(r.board->crash[1].task, bh_handle(1, CHILD));
	ck_assert_int_eq(r.board->crash[1].signal, SIGKILL);
	ck_assert(_i || strstr(rig_said(&r), "audit 'slot-process' failed: worker 0 is up and has "
					     "no process; it is put right"));
}
END_TEST

/* Its word says who has it, and that process lives. */
START_TEST(up_with_a_process_that_is_not_known)
{
	stop_kernel();
	write_pid(0, 0);
	go_on(_i);
	rig_until(p->pid == old);
	ck_assert_uint_eq(bh_ld_acq(&p->state), BH_PROC_UP);
	ck_assert_uint_eq(r.board->crashes, 0);
	ck_assert(!told());
	end_worker();
	check_recovered();
	ck_assert_uint_eq(service->worker_crashes[0], 1);
}
END_TEST

/* Nobody has ever taken it. */
START_TEST(up_and_nobody_came)
{
	uint32_t epoch = p->epoch + 1;

	stop_kernel();
	end_worker();
	write_pid(0, 0);
	write_word(&p->epoch, epoch);
	write_word(&service->worker_epoch[0], epoch);
	bh_st_rel(&r.v.workers[0].word, bh_slot_word(BH_SLOT_STARTING, epoch, 0));
	go_on(_i);
	check_recovered();
	ck_assert_uint_eq(p->epoch, epoch + 1);
}
END_TEST

/* The board says of worker 2 that it is to have no process, the arena that one has it. */
START_TEST(known_in_the_arena_alone)
{
	uint32_t slot = RIG_WORKERS - 1;
	pid_t last = service->worker_pid[slot];

	stop_kernel();
	bh_st_rel(&r.v.tasks[CHILD].state, bh_state_make(1, p[slot].epoch, slot, 0, BH_RUNNING));
	kill(last, SIGKILL);
	rig_until(rig_gone(last));
	write_word(&service->workers_wanted, slot);
	write_pid((int)slot, 0);
	write_word(&p[slot].state, BH_PROC_FREE);
	go_on(_i);
	rig_until(told());
	ck_assert_uint_eq(bh_ld_acq(&p[slot].state), BH_PROC_FREE);
	ck_assert_uint_eq(bh_slot_state_of(bh_ld_acq(&r.v.workers[slot].word)), BH_SLOT_DEAD);
	ck_assert_uint_eq(service->resets, 0);
}
END_TEST

/* Its zygote has read the request, and sleeps: it is asked again, not ended. */
START_TEST(asked_for_without_an_answer)
{
	teardown();
	setenv("FAKE_MUTE", "1", 1);
	begin();
	run_a_task();
	end_worker();
	check_recovered();
	ck_assert_ptr_nonnull(strstr(rig_said(&r), "audit 'slot-start' failed: worker 0 starts"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kernel.nobody");
	TCase *c = tcase_create("nobody");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, up_without_a_process, 0, 2);
	tcase_add_loop_test(c, up_with_a_process_that_is_not_known, 0, 2);
	tcase_add_loop_test(c, up_and_nobody_came, 0, 2);
	tcase_add_loop_test(c, known_in_the_arena_alone, 0, 2);
	tcase_add_test(c, asked_for_without_an_answer);
	suite_add_tcase(s, c);
	return bh_check_run(s);
}
