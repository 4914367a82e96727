/* SPDX-License-Identifier: MIT */
/* test_cxx.cc: fibers that wait while they handle C++ exceptions. */
#include <csignal>
#include <exception>
#include <stdexcept>
#include <string>

#include <unistd.h>

#include "runtime.h"

namespace
{
enum {
	FIBERS = 40,
};

/* Nothing is caught and nothing is under way, as where a thread begins. */
bool is_clean()
{
	return std::uncaught_exceptions() == 0 && !std::current_exception();
}

/* Spawns FIBERS of @fn, each with its number, and returns the sum of their values. */
int64_t sum_of(bh_fiber_fn fn)
{
	bh_task tasks[FIBERS];
	int64_t sum = 0;

	for (int i = 0; i < FIBERS; i++)
		CHECK(bh_spawn(&tasks[i], fn, &i, sizeof(i), NULL) == 0);
	for (bh_task task : tasks) {
		struct bh_result res;

		CHECK(bh_join(task, &res, BH_FOREVER) == 0);
		CHECK(res.end == BH_END_RETURNED);
		sum += res.value;
	}
	return sum;
}

std::string number(const void *arg)
{
	return "an exception with the number " + std::to_string(*static_cast<const int *>(arg));
}

int64_t rethrows(void *arg)
{
	bool right = is_clean();

	try {
		try {
			throw std::runtime_error(number(arg));
		} catch (const std::exception &e) {
			right &= bh_sleep(BH_MS(1 + *static_cast<int *>(arg) % 3)) == 0;
			right &= e.what() == number(arg);
			throw;
		}
	} catch (const std::exception &e) {
		right &= bh_yield() == 0;
		right &= e.what() == number(arg);
	}
	return right && is_clean();
}

int64_t nests(void *arg)
{
	bool right = true;

	try {
		throw std::runtime_error(number(arg));
	} catch (const std::exception &outer) {
		right &= bh_sleep(BH_MS(1)) == 0;
		try {
			throw *static_cast<int *>(arg);
		} catch (int inner) {
			right &= bh_sleep(BH_MS(1)) == 0;
			right &= inner == *static_cast<int *>(arg);
		}
		try {
			right &= bh_yield() == 0;
			throw; /* the outer one, though another has been caught since */
		} catch (const std::exception &again) {
			right &= &again == &outer && again.what() == number(arg);
		}
	}
	return right && is_clean();
}

struct waits_at_its_end {
	int *uncaught;

	~waits_at_its_end()
	{
		int before = std::uncaught_exceptions();

		*uncaught = bh_sleep(BH_MS(2)) == 0 && before == std::uncaught_exceptions() ?
				    before :
				    -1;
		try {
			throw 1; /* another one comes and goes while the first is under way */
		} catch (int) {
			*uncaught = bh_yield() == 0 ? *uncaught : -1;
		}
	}
};

int64_t unwinds(void *arg)
{
	int uncaught = 0, caught = -1;

	try {
		waits_at_its_end first = { &uncaught };
		throw *static_cast<int *>(arg);
	} catch (int value) {
		caught = value;
	}
	return uncaught == 1 && caught == *static_cast<int *>(arg) && is_clean();
}

/* Waits only where nothing is caught, among others that do. */
int64_t looks_on(void *)
{
	bool right = true;

	for (int i = 0; i < 5; i++)
		right &= is_clean() && bh_sleep(BH_MS(1)) == 0;
	return right && is_clean();
}

/* Value: 1 if it never changed its process in a catch. Goes on until one of them has
 * changed it elsewhere, after a catch, and tells the others where @arg points to. */
int64_t moves(void *arg)
{
	volatile int *moved = *static_cast<volatile int **>(arg);
	int64_t end = bh_after(BH_S(30));
	bool stays = true;

	while (!*moved && bh_now() < end) {
		pid_t here = getpid();

		try {
			throw 1;
		} catch (int) {
			for (int i = 0; i < 20; i++)
				stays &= bh_yield() == 0 && getpid() == here;
		}
		for (int i = 0; i < 20; i++)
			if (bh_yield() == 0 && getpid() != here)
				*moved = 1;
	}
	return stays;
}

/* -- ends ---------------------------------------------------------------------------- */

int64_t crashes_in_a_catch(void *)
{
	try {
		throw std::runtime_error("never handled to the end");
	} catch (const std::exception &) {
		raise(SIGSEGV);
	}
	return 0;
}

int64_t crashes_at_once(void *)
{
	raise(SIGSEGV);
	return 0;
}

int64_t says_whether_clean(void *)
{
	return is_clean();
}

int64_t leaves_by_an_exception(void *)
{
	throw std::runtime_error("nobody catches this");
}

struct sets {
	int *flag;

	~sets()
	{
		*flag = 1;
	}
};

/* Value: 1 if a destructor ran, 2 more if the wait said that it was aborted. */
int64_t waits_to_be_aborted(void *)
{
	int destroyed = 0, err = 0;

	try {
		sets at_the_end = { &destroyed };
		throw 1;
	} catch (int) {
		err = bh_suspend(BH_FOREVER);
	}
	return destroyed + 2 * (err == -BH_ECANCELED);
}

/* Tells the worker, whose number is where @arg points to, and waits. */
int64_t waits_in_a_catch(void *arg)
{
	volatile int *where = *static_cast<volatile int **>(arg);

	try {
		throw std::runtime_error("private memory");
	} catch (const std::exception &) {
		bool again = *where >= 0;

		*where = static_cast<int>(bh_worker());
		if (!again)
			(void)!bh_suspend(BH_FOREVER);
		(void)!bh_yield();
	}
	return 7;
}

/* How a task of waits_in_a_catch() ends whose worker is crashed by another one. */
struct bh_result outlive(const struct bh_spawn_opts *opts)
{
	volatile int *where = static_cast<volatile int *>(bh_alloc(sizeof(int)));
	struct bh_result res;
	bh_task waiting, crash;

	CHECK(where != NULL);
	*where = -1;
	CHECK(bh_spawn(&waiting, waits_in_a_catch, &where, sizeof(where), opts) == 0);
	EVENTUALLY(*where >= 0);
	CHECK(bh_spawn_on(static_cast<uint32_t>(*where), &crash, crashes_at_once, NULL, 0, NULL) ==
	      0);
	CHECK(bh_join(crash, &res, BH_FOREVER) == 0);
	CHECK(bh_join(waiting, &res, BH_FOREVER) == 0);
	return res;
}
} // namespace

TEST(each_gets_its_own_exception_back_after_a_wait)
{
	CHECK(sum_of(rethrows) == FIBERS);
}

TEST(catches_nest_over_waits)
{
	CHECK(sum_of(nests) == FIBERS);
}

TEST(a_destructor_may_wait_while_the_stack_unwinds)
{
	CHECK(sum_of(unwinds) == FIBERS);
}

TEST(others_see_nothing_of_it)
{
	bh_task catching, looking;
	struct bh_result res;
	int one = 1;

	for (int i = 0; i < FIBERS; i++) {
		CHECK(bh_spawn(&catching, nests, &one, sizeof(one), NULL) == 0);
		CHECK(bh_spawn(&looking, looks_on, NULL, 0, NULL) == 0);
		CHECK(bh_join(looking, &res, BH_FOREVER) == 0 && res.value == 1);
		CHECK(bh_join(catching, &res, BH_FOREVER) == 0 && res.value == 1);
	}
}

TEST(it_stays_in_its_process_for_the_catch_and_no_longer)
{
	volatile int *moved = static_cast<volatile int *>(bh_calloc(1, sizeof(int)));
	bh_task tasks[FIBERS];

	CHECK(moved != NULL);
	for (bh_task &task : tasks)
		CHECK(bh_spawn(&task, moves, &moved, sizeof(moved), NULL) == 0);
	for (bh_task task : tasks) {
		struct bh_result res;

		CHECK(bh_join(task, &res, BH_FOREVER) == 0);
		CHECK(res.end == BH_END_RETURNED && res.value == 1);
	}
	CHECK(*moved);
}

TEST(a_crash_in_a_catch_leaves_nothing_to_the_next)
{
	struct bh_spawn_opts opts = BH_SPAWN_OPTS_INIT;
	struct bh_result res;
	bh_task task;

	opts.name = "cxx.crash";
	for (uint32_t w = 0; w < bh_workers(); w++) {
		CHECK(bh_spawn_on(w, &task, crashes_in_a_catch, NULL, 0, &opts) == 0);
		CHECK(bh_join(task, &res, BH_FOREVER) == 0);
		CHECK(res.end == BH_END_CRASHED && res.crash.signal == SIGSEGV);
		CHECK(bh_spawn_on(w, &task, says_whether_clean, NULL, 0, NULL) == 0);
		CHECK(bh_join(task, &res, BH_FOREVER) == 0);
		CHECK(res.end == BH_END_RETURNED && res.value == 1);
	}
}

TEST(an_exception_that_leaves_a_task_is_a_crash_of_it)
{
	struct bh_result res;
	bh_task task;

	CHECK(bh_spawn(&task, leaves_by_an_exception, NULL, 0, NULL) == 0);
	CHECK(bh_join(task, &res, BH_FOREVER) == 0);
	CHECK(res.end == BH_END_CRASHED && res.crash.signal == SIGABRT);
}

TEST(one_that_is_aborted_in_a_catch_goes_on_from_there)
{
	struct bh_result res;
	bh_task task;

	CHECK(bh_spawn(&task, waits_to_be_aborted, NULL, 0, NULL) == 0);
	CHECK(bh_sleep(BH_MS(2)) == 0);
	CHECK(bh_abort(task) == 0);
	CHECK(bh_join(task, &res, BH_FOREVER) == 0);
	CHECK(res.end == BH_END_CANCELED && res.value == 3);
	CHECK(is_clean());
}

TEST(its_exception_is_lost_with_its_process_and_so_is_it)
{
	CHECK(outlive(NULL).end == BH_END_LOST);
}

TEST(one_that_may_start_again_does)
{
	struct bh_spawn_opts opts = BH_SPAWN_OPTS_INIT;

	opts.on_crash = BH_CRASH_RESTART;
	struct bh_result res = outlive(&opts);
	CHECK(res.end == BH_END_RETURNED && res.value == 7);
}

RUNTIME_MAIN("cxx")
