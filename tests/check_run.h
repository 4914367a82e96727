/* SPDX-License-Identifier: MIT */
/* check_run.h: what main() of a test written with Check comes down to. */
#ifndef BH_TESTS_CHECK_RUN_H
#define BH_TESTS_CHECK_RUN_H

#include <check.h>
#include <stdlib.h>

/* Runs all of @s, which is freed; the exit code. */
static inline int bh_check_run(Suite *s)
{
	SRunner *runner = srunner_create(s);

	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
