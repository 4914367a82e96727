/* SPDX-License-Identifier: MIT */
/* test_check_child.c: assertions in a process that a test forked leave Check's file alone. */
#include "tests/check_run.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	DESCRIPTORS = 64
};

/* How much there is in the files that this process has open: Check's is one of them. */
static long long bytes_in_files(void)
{
	long long sum = 0;
	struct stat st;

	for (int fd = 3; fd < DESCRIPTORS; fd++)
		if (!fstat(fd, &st) && S_ISREG(st.st_mode))
			sum += st.st_size;
	return sum;
}

static int child(void (*body)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		body();
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

static void assert_much(void)
{
	for (int i = 0; i < 1000; i++)
		ck_assert_int_ge(i, 0);
}

static void fail_with_words(void)
{
	if (!freopen("/dev/null", "w", stderr))
		_exit(2);
	ck_assert_msg(getpid() == 1, "this is the failure of child %d", getpid());
}

START_TEST(a_childs_assertions_write_nothing)
{
	long long before = bytes_in_files();
	int status = child(assert_much);
	long long after = bytes_in_files();

	ck_assert_int_eq(status, 0);
	ck_assert_int_gt(before, 0);
	ck_assert_int_eq(after, before);
}
END_TEST

START_TEST(a_childs_failure_ends_it_and_is_counted)
{
	unsigned before = bh_check_child_failures();
	long long bytes = bytes_in_files();
	int status = child(fail_with_words);

	bytes = bytes_in_files() - bytes;
	ck_assert_int_eq(bytes, 0);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE);
	ck_assert_uint_eq(bh_check_child_failures(), before + 1);
	bh_check_forget_child_failure(); /* this one was wanted */
}
END_TEST

int main(void)
{
	Suite *s = suite_create("check.child");
	TCase *tc = tcase_create("core");

	tcase_add_test(tc, a_childs_assertions_write_nothing);
	tcase_add_test(tc, a_childs_failure_ends_it_and_is_counted);
	suite_add_tcase(s, tc);
	return bh_check_run(s);
}
