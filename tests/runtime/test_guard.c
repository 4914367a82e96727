/* SPDX-License-Identifier: MIT */
/*
 * test_guard.c: what runs over the end of its stack is caught, however large its frames
 * are, and where Linux has no guards that cost no mapping. One worker: the tests change
 * its process, and a crash replaces it.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

enum {
	KIB = 1024,
	PAGE = 4096,
	STACK = 256 * KIB,
	HOLDERS = 1000,
	LEFT = 500, /* of the process's mappings, for the guards: fewer than the holders need */
	KEEPS = 2000,
	DEEP = 2000, /* calls, of 800 bytes and more: beyond a stack's end */
};

#define SOON bh_after(BH_S(60))

static void check_overflow(bh_task t)
{
	struct bh_result res;

	CHECK(bh_join(t, &res, SOON) == 0);
	CHECK(res.end == BH_END_CRASHED && res.crash.signal == SIGSEGV);
	CHECK(res.crash.stack_overflow);
}

/* -- the signal stack ---------------------------------------------------------------- */

/* Whether @at can be written. */
static bool writable(int fd, char *at)
{
	return pwrite(fd, "x", 1, 0) == 1 && pread(fd, at, 1, 0) == 1;
}

TEST(the_handlers_stack_has_a_guard)
{
	stack_t alt;
	int fd = memfd_create("page", MFD_CLOEXEC);

	CHECK(sigaltstack(NULL, &alt) == 0 && !(alt.ss_flags & SS_DISABLE));
	CHECK(writable(fd, alt.ss_sp));
	CHECK(!writable(fd, (char *)alt.ss_sp - 1) && errno == EFAULT);
	close(fd);
}

/* -- any frame --------------------------------------------------------------------- */

/* Writes a byte that lies at least @below under the low end of its stack of @size, and
 * less than a page more: so near to its top it is. */
struct step {
	size_t size, below;
};

static int64_t steps_over(void *arg)
{
	const struct step *s = arg;
	volatile unsigned char here = 0;

	*(volatile unsigned char *)((uintptr_t)&here - s->size - s->below) = 1;
	return here;
}

TEST(a_step_of_less_than_64_kib_over_the_end_is_caught)
{
	static const struct step steps[] = { { 64 * KIB, 0 },        { 64 * KIB, 20000 },
					     { 64 * KIB, 60 * KIB }, { STACK, 0 },
					     { STACK, 5000 },        { STACK, 60 * KIB } };
	struct bh_spawn_opts opts = BH_SPAWN_OPTS_INIT;
	char name[40];
	bh_task t;

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		snprintf(name, sizeof(name), "step %zu", i);
		opts.name = name;
		opts.stack_bytes = (uint32_t)steps[i].size;
		CHECK(bh_spawn(&t, steps_over, &steps[i], sizeof(steps[i]), &opts) == 0);
		check_overflow(t);
	}
}

static int64_t large_frame(void *unused)
{
	volatile char frame[500 * KIB];

	(void)unused;
	frame[0] = 1;
	return frame[0];
}

/* By -fstack-clash-protection, which this program and the guide's are built with. */
TEST(a_frame_larger_than_stack_and_guard_is_caught)
{
	bh_task t;

	CHECK(bh_spawn(&t, large_frame, NULL, 0, NULL) == 0);
	check_overflow(t);
}

/* -- Linux before 6.15 ---------------------------------------------------------------- */

static void refuse_free_guards(void)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MADV_GUARD_INSTALL, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = { sizeof(f) / sizeof(*f), f };

	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p) == 0);
}

/* Uses up this process's mappings, but for @left. */
static void use_up_mappings(size_t left)
{
	size_t pages = 1 << 22, n = 0;
	char *p = mmap(NULL, pages * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		       -1, 0);

	CHECK(p != MAP_FAILED);
	while (2 * n < pages && mprotect(p + 2 * n * PAGE, PAGE, PROT_READ) == 0)
		n++;
	if (2 * n >= pages) { /* Linux allows more than anybody uses up */
		CHECK(munmap(p, pages * PAGE) == 0);
		return;
	}
	CHECK(errno == ENOMEM && n > left);
	for (size_t i = 0; i < left / 2; i++)
		CHECK(mprotect(p + 2 * --n * PAGE, PAGE, PROT_NONE) == 0);
}

/* @arg: the address of the number of those that hold. */
static int64_t holds(void *arg)
{
	volatile unsigned char keep[KEEPS];

	for (size_t i = 0; i < KEEPS; i++)
		keep[i] = 0x5a;
	++**(uint32_t **)arg;
	CHECK(bh_suspend(BH_FOREVER) == 0);
	for (size_t i = 0; i < KEEPS; i++)
		if (keep[i] != 0x5a)
			return 1;
	return 0;
}

static __attribute__((noinline)) int runs_over(int n)
{
	volatile char frame[800];

	frame[0] = (char)n;
	return (n ? runs_over(n - 1) : 0) + frame[0];
}

static int64_t holds_and_runs_over(void *arg)
{
	int64_t hurt = holds(arg);

	return hurt ? hurt : runs_over(DEEP);
}

/* Of many fibers that wait, in a process with mappings for the guards of some of them,
 * number @guilty runs over its stack, into that of another. @stack: of a size whose
 * guards this process does not have yet. */
static void overflow_among_many(uint32_t guilty, uint32_t stack)
{
	struct bh_spawn_opts opts = BH_SPAWN_OPTS_INIT;
	bh_task *t = bh_calloc(HOLDERS, sizeof(*t));
	uint32_t *n = bh_calloc(1, sizeof(*n));
	struct bh_result res;

	CHECK(t && n);
	refuse_free_guards();
	use_up_mappings(LEFT);
	opts.stack_bytes = stack;
	for (uint32_t i = 0; i < HOLDERS; i++) {
		opts.name = i == guilty ? "guilty" : "holds";
		CHECK(!bh_spawn(&t[i], i == guilty ? holds_and_runs_over : holds, &n, sizeof(n),
				&opts));
	}
	EVENTUALLY(*(volatile uint32_t *)n == HOLDERS);
	CHECK(bh_wake(t[guilty]) == 0);
	check_overflow(t[guilty]);
	for (uint32_t i = 0; i < HOLDERS; i++) {
		if (i == guilty)
			continue;
		CHECK(bh_wake(t[i]) == 0 && bh_join(t[i], &res, SOON) == 0);
		CHECK(res.end == BH_END_RETURNED && res.value == 0);
	}
}

TEST(a_guard_that_was_given_up_is_set_again)
{
	overflow_among_many(0, STACK);
}

TEST(a_stack_beyond_those_that_have_mappings_has_a_guard)
{
	overflow_among_many(HOLDERS - 1, 4 * STACK);
}

static int64_t returns(void *unused)
{
	(void)unused;
	return 7;
}

TEST(no_fiber_runs_without_a_guard)
{
	struct bh_spawn_opts opts = BH_SPAWN_OPTS_INIT;
	struct bh_result res;
	bh_task t;

	refuse_free_guards();
	use_up_mappings(0);
	opts.stack_bytes = 16 * STACK; /* which nobody has had here */
	CHECK(bh_spawn(&t, returns, NULL, 0, &opts) == 0 && bh_join(t, &res, SOON) == 0);
	CHECK(res.end == BH_END_CRASHED && res.crash.signal == SIGABRT);
	CHECK(bh_spawn(&t, returns, NULL, 0, &opts) == 0 && bh_join(t, &res, SOON) == 0);
	CHECK(res.end == BH_END_RETURNED && res.value == 7);
}

RUNTIME_MAIN("guard")
