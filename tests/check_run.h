/* SPDX-License-Identifier: MIT */
/* check_run.h: what main() of a test written with Check comes down to. */
#ifndef BH_TESTS_CHECK_RUN_H
#define BH_TESTS_CHECK_RUN_H

#include <check.h>
#include <stdlib.h>

/* A test that hangs is ctest's to end (BH_TIMEOUT of cmake/BulkheadTest.cmake), just before
 * which Check names it: Check's own default of 4 s ends one that is slow on a busy machine, or
 * under a sanitizer. Read where a case is made, so set before main(). No case sets another. */
__attribute__((constructor)) static void bh_check_limit(void)
{
	setenv("CK_DEFAULT_TIMEOUT", "880", 0);
}

/* Assertions that failed in children of tests (check_child.c). */
unsigned bh_check_child_failures(void);
void bh_check_forget_child_failure(void); /* the last one was what the test is about */

/* Runs all of @s, which is freed; the exit code. */
static inline int bh_check_run(Suite *s)
{
	SRunner *runner = srunner_create(s);

	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed || bh_check_child_failures() ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
