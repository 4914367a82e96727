/* SPDX-License-Identifier: MIT */
/* A dead worker's heir (kernel/worker/heir.c): it waits for the slot, and whoever else dies
 * meanwhile, there is one worker in the end, and nobody is left over. While the guardian
 * is stopped the kernel does not learn how the worker died, and so recovers nothing. */
#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ipc/arena/incarnation.h"
#include "tests/check_run.h"
#include "tests/kernel/rig.h"

static struct rig r;
static pid_t old, heir;
static uint32_t epoch;

static void setup(void)
{
	unsetenv("FAKE_NO_ROOM");
	unsetenv("FAKE_UNTOLD");
	rig_init(&r);
	rig_start(&r, true);
}

static void teardown(void)
{
	rig_fini(&r);
}

static pid_t worker(void)
{
	return r.board->services[0].worker_pid[0];
}

static bool all_up(void)
{
	for (uint32_t i = 0; i < RIG_WORKERS; i++)
		if (bh_ld_acq(&rig_proc(&r, BH_PROC_WORKER)[i].state) != BH_PROC_UP)
			return false;
	return bh_ld_acq(&rig_proc(&r, BH_PROC_ZYGOTE)->state) == BH_PROC_UP &&
	       bh_ld_acq(&rig_proc(&r, BH_PROC_TWIN)->state) == BH_PROC_UP;
}

static bool replaced(void)
{
	return worker() > 0 && worker() != old && all_up();
}

/* A child of the guardian that is not among the @n in @before; 0: there is none. */
static pid_t newcomer(const pid_t *before, int n)
{
	pid_t now[RIG_CHILDREN];

	return rig_newcomers(&r, before, n, now) ? now[0] : 0;
}

/* Worker 0 is dead, its heir is there, and the guardian stopped. */
static void leave_an_heir(void)
{
	pid_t before[RIG_CHILDREN];
	int n;

	rig_until(all_up());
	n = rig_children(&r, before);
	old = worker();
	epoch = rig_proc(&r, BH_PROC_WORKER)->epoch;
	kill(r.guardian, SIGSTOP);
	kill(old, SIGKILL);
	rig_until((heir = newcomer(before, n)) > 0);
}

START_TEST(it_waits_until_the_slot_is_recovered)
{
	const struct bh_proc *p = rig_proc(&r, BH_PROC_WORKER);

	leave_an_heir();
	for (int i = 0; !replaced(); i++) {
		uint64_t word = bh_ld_acq(&r.v.workers[0].word);

		if ((uint32_t)word == (uint32_t)bh_slot_word(BH_SLOT_UP, epoch + 1, 0))
			ck_assert_uint_ne(bh_ld_acq(&p->state), BH_PROC_DEAD);
		if (i == 10)
			kill(r.guardian, SIGCONT);
		ck_assert_int_lt(i, 10000);
		usleep(1000);
	}
	ck_assert_int_eq(worker(), heir);
	ck_assert_uint_eq(r.board->services[0].worker_epoch[0], epoch + 1);
	ck_assert_uint_eq(r.board->services[0].worker_crashes[0], 1);
}
END_TEST

START_TEST(killed_itself_it_is_replaced)
{
	leave_an_heir();
	kill(heir, SIGKILL);
	kill(r.guardian, SIGCONT);
	rig_until(replaced() && worker() != heir);
}
END_TEST

START_TEST(it_goes_with_the_kernel_that_asked_for_it)
{
	leave_an_heir();
	kill(r.board->kernel_pid, SIGKILL);
	kill(r.guardian, SIGCONT);
	rig_until(rig_attached(&r) && replaced());
	ck_assert_int_ne(worker(), heir);
	ck_assert_uint_eq(r.board->services[0].worker_crashes[0], 1);
	rig_until(rig_gone(heir));
}
END_TEST

START_TEST(the_zygote_dies_meanwhile)
{
	pid_t zygote = rig_proc(&r, BH_PROC_ZYGOTE)->pid;

	leave_an_heir();
	kill(zygote, SIGKILL);
	kill(r.guardian, SIGCONT);
	rig_until(replaced() && rig_proc(&r, BH_PROC_ZYGOTE)->pid != zygote);
	rig_until(worker() == heir || rig_gone(heir));
	ck_assert_uint_eq(r.board->services[0].resets, 0);
}
END_TEST

START_TEST(the_zygote_dies_before_it_made_one)
{
	pid_t zygote = rig_proc(&r, BH_PROC_ZYGOTE)->pid;
	struct pollfd death = { .fd = (int)syscall(SYS_pidfd_open, zygote, 0), .events = POLLIN };

	rig_until(all_up());
	old = worker();
	kill(zygote, SIGSTOP);
	kill(r.guardian, SIGSTOP);
	kill(old, SIGKILL);
	rig_until(bh_ld_acq(&rig_proc(&r, BH_PROC_WORKER)->state) == BH_PROC_DEAD);
	kill(zygote, SIGKILL);
	ck_assert_int_eq(poll(&death, 1, 10000), 1);
	close(death.fd);
	kill(r.guardian, SIGCONT); /* reaps the oldest first */
	rig_until(replaced());
	ck_assert_uint_eq(r.board->services[0].resets, 0);
	/* The next one was asked, and not ended after a while because it said nothing. */
	ck_assert_uint_eq(r.board->services[0].zygote_restarts, 1);
}
END_TEST

START_TEST(the_service_is_reset_meanwhile)
{
	rig_until(all_up());
	pid_t twin = rig_proc(&r, BH_PROC_TWIN)->pid;

	leave_an_heir();
	kill(twin, SIGKILL);
	kill(rig_proc(&r, BH_PROC_ZYGOTE)->pid, SIGKILL);
	kill(r.guardian, SIGCONT);
	rig_until(r.board->services[0].resets == 1 && replaced());
	ck_assert_int_ne(worker(), heir);
	rig_until(rig_gone(heir));
}
END_TEST

/* With the dead one still there, as many processes as are allowed. */
START_TEST(there_is_no_room_for_it_yet)
{
	rig_fini(&r);
	setenv("FAKE_NO_ROOM", "1", 1);
	rig_init(&r);
	rig_start(&r, true);
	for (int i = 0; i < 2; i++) { /* more lives as short as that, and there is a pause */
		rig_until(all_up());
		old = worker();
		kill(old, SIGKILL);
		rig_until(replaced());
	}
	ck_assert_ptr_null(strstr(rig_said(&r), "cannot make"));
}
END_TEST

/* The zygote has answered, and not said who it is: it is no use to wait for it. */
static void leave_it_untold(const char *how)
{
	rig_fini(&r);
	setenv("FAKE_UNTOLD", how, 1);
	rig_init(&r);
	rig_start(&r, true);
	rig_until(all_up());
	old = worker();
	kill(old, SIGKILL);
	rig_until(replaced());
	ck_assert_uint_eq(r.board->services[0].zygote_restarts, 0);
	ck_assert_uint_eq(r.board->services[0].resets, 0);
}

START_TEST(one_that_nobody_told_of_is_known_by_its_slot)
{
	leave_it_untold("1");
	ck_assert_uint_eq(r.board->services[0].worker_crashes[0], 1);
}
END_TEST

START_TEST(one_that_nobody_told_of_dies)
{
	leave_it_untold("2");
	ck_assert_uint_eq(r.board->services[0].worker_crashes[0], 2);
}
END_TEST

START_TEST(one_that_nobody_told_of_died_unseen)
{
	leave_it_untold("3");
	ck_assert_uint_eq(r.board->services[0].worker_crashes[0], 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kernel.heir");
	TCase *c = tcase_create("heir");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, it_waits_until_the_slot_is_recovered);
	tcase_add_test(c, killed_itself_it_is_replaced);
	tcase_add_test(c, it_goes_with_the_kernel_that_asked_for_it);
	tcase_add_test(c, the_zygote_dies_meanwhile);
	tcase_add_test(c, the_zygote_dies_before_it_made_one);
	tcase_add_test(c, the_service_is_reset_meanwhile);
	tcase_add_test(c, there_is_no_room_for_it_yet);
	tcase_add_test(c, one_that_nobody_told_of_is_known_by_its_slot);
	tcase_add_test(c, one_that_nobody_told_of_dies);
	tcase_add_test(c, one_that_nobody_told_of_died_unseen);
	suite_add_tcase(s, c);
	return bh_check_run(s);
}
