/* SPDX-License-Identifier: MIT */
/*
 * check_child.c: ck_assert() and its kin in a process that a test forked.
 *
 * Check hears of a test through one file, to which every assertion adds its place, so that a
 * crash can be located. A forked child has the same file: what it writes stands between its
 * parent's messages, and half a message, of a child that was killed, makes all that follow
 * unreadable ("Bad message type arg"). So the assertions of children are ours (the linker's
 * --wrap; cmake/BulkheadTest.cmake): they write nothing, and one that fails says so on stderr,
 * ends its process with exit code 1, and fails the whole run, whatever its parent makes of it.
 */
#include "tests/check_run.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

void __real__mark_point(const char *file, int line);
void __wrap__mark_point(const char *file, int line);
__attribute__((noreturn)) void __real__ck_assert_failed(const char *file, int line,
							const char *expr, const char *msg, ...);
__attribute__((noreturn, format(printf, 4, 5))) void
__wrap__ck_assert_failed(const char *file, int line, const char *expr, const char *msg, ...);

static pid_t runner;
static atomic_uint *failures; /* of children; shared with all processes */

__attribute__((constructor)) static void remember_runner(void)
{
	void *page = mmap(NULL, sizeof(*failures), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	runner = getpid();
	failures = page == MAP_FAILED ? NULL : page;
}

/* The runner's own child runs the test; with CK_FORK=no the runner does. */
static bool is_the_test(void)
{
	return getpid() == runner || getppid() == runner;
}

void __wrap__mark_point(const char *file, int line)
{
	if (is_the_test())
		__real__mark_point(file, line);
}

void __wrap__ck_assert_failed(const char *file, int line, const char *expr, const char *msg, ...)
{
	char text[512] = "";
	va_list ap;

	if (msg) {
		va_start(ap, msg);
		vsnprintf(text, sizeof(text), msg, ap);
		va_end(ap);
	}
	if (is_the_test())
		__real__ck_assert_failed(file, line, expr, msg ? "%s" : NULL, text);
	fprintf(stderr, "%s:%d: in a child process: %s\n", file, line, msg ? text : expr);
	if (failures)
		atomic_fetch_add_explicit(failures, 1, memory_order_relaxed);
	_exit(EXIT_FAILURE);
}

unsigned bh_check_child_failures(void)
{
	return failures ? atomic_load_explicit(failures, memory_order_relaxed) : 0;
}

void bh_check_forget_child_failure(void)
{
	if (failures)
		atomic_fetch_sub_explicit(failures, 1, memory_order_relaxed);
}
