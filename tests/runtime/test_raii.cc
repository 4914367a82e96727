/* SPDX-License-Identifier: MIT */
/* test_raii.cc: bulkhead.hpp: what its objects end, and what the runtime ends without them. */
#include <csignal>
#include <stdexcept>
#include <string>
#include <vector>

#include <bulkhead/bulkhead.hpp>

#include "runtime.h"

namespace
{

enum {
	WAITS = 1,
	ENDED = 2,
};

struct tells {
	volatile int *state;

	~tells() { *state = ENDED; }
};

/* Until it is aborted. */
int64_t wait_and_tell(volatile int *state)
{
	tells at_the_end = { state };

	*state = WAITS;
	return bh_suspend(BH_FOREVER);
}

bool is_open(bh_io io)
{
	return bh_io_fd(io) >= 0;
}

volatile int *shared_int()
{
	volatile int *flag = static_cast<volatile int *>(bh_calloc(1, sizeof(int)));

	CHECK(flag != nullptr);
	return flag;
}

bh_io listener()
{
	bh::io io;

	CHECK(bh_listen(io.out(), "127.0.0.1:0") == 0);
	return io.release();
}

int64_t square(int64_t n)
{
	return n * n;
}
} // namespace

TEST(a_lambda_runs_with_a_copy_of_what_it_captures)
{
	int64_t n = 12;
	char name[8] = "captain";
	bh::result res;
	bh::task task;

	CHECK(bh::spawn(task, [n, name] { return bh_yield() + square(n) + name[0]; }) == 0);
	n = 0;
	CHECK(task && task.join(res, BH_FOREVER) == 0);
	CHECK(!task);
	CHECK(res.end == BH_END_RETURNED && res.value == 144 + 'c');
}

TEST(a_lambda_may_have_no_captures_and_a_struct_may_be_called)
{
	struct calls {
		int64_t x;
		int64_t operator()() const { return x; }
	};
	bh::result res;
	bh::task a, b, c;

	CHECK(bh::spawn(a, [] { return 3; }) == 0);
	CHECK(bh::spawn(b, calls{ 4 }) == 0);
	CHECK(bh::spawn_blocking(c, [] { return 5; }) == 0);
	CHECK(a.join(res, BH_FOREVER) == 0 && res.value == 3);
	CHECK(b.join(res, BH_FOREVER) == 0 && res.value == 4);
	CHECK(c.join(res, BH_FOREVER) == 0 && res.value == 5);
}

TEST(a_type_has_the_name_of_its_options)
{
	struct bh_spawn_opts opts = BH_SPAWN_OPTS_INIT;
	bh::result res;
	bh::task task;

	opts.name = "raii.crash";
	CHECK(bh::spawn(
		      task, [] { return int64_t{ raise(SIGSEGV) }; }, &opts) == 0);
	CHECK(task.join(res, BH_FOREVER) == 0);
	CHECK(res.end == BH_END_CRASHED && res.crash.task_name == std::string("raii.crash"));
}

TEST(a_refused_spawn_owns_nothing)
{
	struct bh_spawn_opts opts = BH_SPAWN_OPTS_INIT;
	bh::task task;

	opts.size = 1;
	CHECK(bh::spawn(
		      task, [] { return 0; }, &opts) == -EINVAL);
	CHECK(!task);
}

TEST(a_join_that_times_out_leaves_the_owner)
{
	bh::task task;

	CHECK(bh::spawn(task, [] { return int64_t{ bh_suspend(BH_FOREVER) }; }) == 0);
	CHECK(task.join(BH_NOWAIT) == -BH_ETIMEDOUT);
	CHECK(task && bh_abort(task.get()) == 0);
	CHECK(task.join(BH_FOREVER) == 0 && !task);
}

TEST(a_child_has_ended_when_its_owner_has)
{
	int state = 0;

	{
		bh::task task;

		CHECK(bh::spawn(task, [&state] { return wait_and_tell(&state); }) == 0);
		EVENTUALLY(state == WAITS);
	}
	CHECK(state == ENDED);
}

TEST(so_it_has_when_an_exception_passes)
{
	int state = 0;

	try {
		bh::task task;

		CHECK(bh::spawn(task, [&state] { return wait_and_tell(&state); }) == 0);
		EVENTUALLY(state == WAITS);
		throw std::runtime_error("passes");
	} catch (const std::runtime_error &) {
		CHECK(state == ENDED);
	}
}

TEST(so_it_has_when_its_spawner_was_aborted)
{
	volatile int *child = shared_int();
	bh::result res;
	bh::task spawner;

	CHECK(bh::spawn(spawner, [child] {
		      int err;

		      {
			      bh::task task;

			      CHECK(bh::spawn(task, [child] {
					    tells at_the_end = { child };

					    *child = WAITS;
					    (void)!bh_suspend(BH_FOREVER);
					    while (bh_yield() != -BH_ECANCELED)
						    ;
					    for (int64_t end = bh_now() + BH_MS(5); bh_now() < end;)
						    ; /* so slow that nobody finds it ended by chance */
					    return 0;
				    }) == 0);
			      err = bh_suspend(BH_FOREVER);
		      }
		      return int64_t{ err == -BH_ECANCELED && *child == ENDED };
	      }) == 0);
	EVENTUALLY(*child == WAITS);
	CHECK(bh_abort(spawner.get()) == 0);
	CHECK(spawner.join(res, BH_FOREVER) == 0);
	CHECK(res.end == BH_END_CANCELED && res.value == 1);
}

TEST(so_it_has_when_its_spawner_is_out_of_time)
{
	int state = 0;

	CHECK(bh_run_until(
		      [](void *arg) -> int64_t {
			      volatile int *at = static_cast<volatile int *>(arg);
			      bh::task task;

			      CHECK(bh::spawn(task, [at] { return wait_and_tell(at); }) == 0);
			      while (*at != WAITS)
				      bh_yield();
			      return task.join(BH_FOREVER) == -BH_ETIMEDOUT;
		      },
		      &state, nullptr, BH_NOWAIT) == -BH_ETIMEDOUT);
	CHECK(state == ENDED);
}

TEST(a_moved_owner_ends_once_and_a_replaced_one_at_once)
{
	int first = 0, second = 0;
	bh::task a, b;

	CHECK(bh::spawn(a, [&first] { return wait_and_tell(&first); }) == 0);
	CHECK(bh::spawn(b, [&second] { return wait_and_tell(&second); }) == 0);
	EVENTUALLY(first == WAITS && second == WAITS);
	a = std::move(b);
	CHECK(first == ENDED && second == WAITS && a && !b);
	a.reset();
	CHECK(second == ENDED);
}

TEST(a_detached_child_goes_on)
{
	volatile int *flag = shared_int();

	{
		bh::task task;

		CHECK(bh::spawn(task, [flag] {
			      *flag = bh_sleep(BH_MS(5)) == 0;
			      return 0;
		      }) == 0);
		CHECK(task.detach() == 0);
	}
	EVENTUALLY(*flag == 1);
}

TEST(a_scope_ends_its_children)
{
	int states[3] = { 0, 0, 0 };
	bh::result res;

	{
		bh::scope scope;

		CHECK(!scope);
		for (int &state : states) {
			CHECK(bh::spawn(scope, [&state] { return wait_and_tell(&state); }) == 0);
			EVENTUALLY(state == WAITS);
		}
		CHECK(bh::spawn(scope, [] { return 7; }) == 0);
		CHECK(bh_scope_next(scope.get(), nullptr, res.out(), BH_FOREVER) == 0 &&
		      res.value == 7);
		CHECK(bh_scope_count(scope.get()) == 3);
	}
	for (int state : states)
		CHECK(state == ENDED);
}

TEST(sockets_and_tokens_end_with_their_scope)
{
	bh_io raw_io;
	bh_token raw_token;

	{
		bh::io io(listener());
		bh::token token;

		CHECK(bh_token_open(token.out(), 0) == 0);
		raw_io = io.get();
		raw_token = token.get();
		CHECK(is_open(raw_io) && bh_token_canceled(raw_token) == 0);
	}
	CHECK(!is_open(raw_io));
	CHECK(bh_token_canceled(raw_token) == -BH_ESTALE);
}

TEST(a_socket_is_given_to_a_task)
{
	struct bh_spawn_opts opts = BH_SPAWN_OPTS_INIT;
	bh::io io(listener());
	bh_io raw = io.get();
	bh::result res;
	bh::task task;

	opts.give = raw;
	CHECK(bh::spawn(
		      task,
		      [raw] {
			      bh::io mine(raw);

			      return is_open(mine.get());
		      },
		      &opts) == 0);
	io.release();
	CHECK(task.join(res, BH_FOREVER) == 0 && res.value == 1);
	CHECK(!is_open(raw));
}

TEST(a_reply_is_freed_with_the_result)
{
	bh::result res;

	for (int i = 0; i < 100; i++) { /* 100 MiB in all */
		bh::task task;

		CHECK(bh::spawn(task, [] {
			      static const char zeros[1 << 20] = "";

			      return int64_t{ bh_reply(zeros, sizeof(zeros)) };
		      }) == 0);
		CHECK(task.join(res, BH_FOREVER) == 0 && res.value == 0);
		CHECK(res.len == 1 << 20 && res.data);
	}
}

TEST(containers_are_kept_while_the_fiber_changes_its_process)
{
	bh::scope scope;
	bh::result res;

	for (int n = 0; n < 40; n++)
		CHECK(bh::spawn(scope, [n] {
			      std::vector<int, bh::allocator<int>> numbers;

			      for (int i = 0; i < 300; i++) {
				      numbers.push_back(i * n);
				      if (bh_yield())
					      return -1;
			      }
			      for (int i = 0; i < 300; i++)
				      if (numbers[static_cast<size_t>(i)] != i * n)
					      return -2;
			      return 1;
		      }) == 0);
	for (int n = 0; n < 40; n++)
		CHECK(bh_scope_next(scope.get(), nullptr, res.out(), BH_FOREVER) == 0 &&
		      res.value == 1);
}

TEST(memory_that_is_not_there_is_an_exception)
{
	std::vector<char, bh::allocator<char>> all;
	bh::block<char[]> some(static_cast<char *>(bh_alloc(100)));
	bool thrown = false;

	CHECK(some != nullptr);
	try {
		all.resize(17 << 20);
	} catch (const std::bad_alloc &) {
		thrown = true;
	}
	CHECK(thrown && all.empty());
}

TEST(what_a_crash_leaves_is_given_back_without_destructors)
{
	volatile int *own = shared_int(), *child = shared_int(), *port = shared_int();
	bh::result res;
	bh::task task;
	bh::io again;

	CHECK(bh::spawn(task, [own, child, port] {
		      tells at_the_end = { own };
		      bh::io io(listener());
		      bh::task waits;

		      CHECK(bh::spawn(waits, [child] { return wait_and_tell(child); }) == 0);
		      EVENTUALLY(*child == WAITS);
		      *port = bh_local_port(io.get());
		      return int64_t{ raise(SIGSEGV) };
	      }) == 0);
	CHECK(task.join(res, BH_FOREVER) == 0);
	CHECK(res.end == BH_END_CRASHED && res.crash.signal == SIGSEGV);
	CHECK(*own == 0);
	EVENTUALLY(*child == ENDED); /* it was aborted with its parent, and returned */
	EVENTUALLY(bh_listen(again.out(), ("127.0.0.1:" + std::to_string(*port)).c_str()) == 0);
}

TEST(a_lambda_has_the_name_of_its_function)
{
	bh::result res;
	bh::task task;

	CHECK(bh::spawn(task, [] { return int64_t{ raise(SIGSEGV) }; }) == 0);
	CHECK(task.join(res, BH_FOREVER) == 0);
	CHECK(res.crash.task_name == std::string("test_a_lambda_has_the_name_of_its_functi"
						 "on::lambda")
					     .substr(0, 39));
}

TEST(an_exception_that_leaves_a_lambda_is_a_crash_of_its_task)
{
	bh::result res;
	bh::task task;

	CHECK(bh::spawn(task,
			[]() -> int64_t { throw std::runtime_error("nobody catches this"); }) == 0);
	CHECK(task.join(res, BH_FOREVER) == 0);
	CHECK(res.end == BH_END_CRASHED && res.crash.signal == SIGABRT);
}

RUNTIME_MAIN("raii")
