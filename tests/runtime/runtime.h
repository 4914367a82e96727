/* SPDX-License-Identifier: MIT */
/*
 * runtime.h: tests of the public API in a system of its own: guardian, kernel,
 * zygote, workers. Each program is one service; each test is a fiber of it, so that
 * one that crashes fails alone.
 *
 *     TEST(sleep_is_never_early) { CHECK(bh_sleep(BH_MS(3)) == 0); }
 *     RUNTIME_MAIN("time")
 *
 * The program's arguments are those of bh_main() (run.sh gives it an admin
 * endpoint); `ONLY=NAME` in the environment runs one test.
 */
#ifndef BH_TESTS_RUNTIME_H
#define BH_TESTS_RUNTIME_H

#include <bulkhead/bulkhead.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct runtime_test {
	const char *name;
	int64_t (*run)(void *unused);
	struct runtime_test *next;
};

void runtime_register(struct runtime_test *t);

#define TEST(id)                                                       \
	static void test_##id(void);                                   \
	static int64_t run_##id(void *unused)                          \
	{                                                              \
		(void)unused;                                          \
		test_##id();                                           \
		return 0;                                              \
	}                                                              \
	static struct runtime_test reg_##id = { #id, run_##id, NULL }; \
	__attribute__((constructor)) static void register_##id(void)   \
	{                                                              \
		runtime_register(&reg_##id);                           \
	}                                                              \
	static void test_##id(void)

/* Ends the calling task, and with it its test, when @cond is false. */
#define CHECK(cond)                                              \
	do {                                                     \
		if (!(cond))                                     \
			runtime_fail(__FILE__, __LINE__, #cond); \
	} while (0)

__attribute__((noreturn)) void runtime_fail(const char *file, int line, const char *what);

/* Spins (with a limit) until @cond: for what another worker is about to do. */
#define EVENTUALLY(cond)                                \
	do {                                            \
		int64_t end_ = bh_after(BH_S(30));      \
		while (!(cond)) {                       \
			CHECK(bh_now() < end_);         \
			CHECK(bh_sleep(BH_MS(1)) == 0); \
		}                                       \
	} while (0)

int runtime_main(int argc, char **argv, const char *name);

#ifdef __cplusplus
}
#endif

#define RUNTIME_MAIN(name)                             \
	int main(int argc, char **argv)                \
	{                                              \
		return runtime_main(argc, argv, name); \
	}

#endif
