/* SPDX-License-Identifier: MIT */
/* What the trial of the system calls says: of a filter only if there is one. */
#include <check.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/check_run.h"
#include "tools/bulkhead/calls.h"

START_TEST(nothing_is_refused_here)
{
	char why[BH_CALLS_WHY] = "";

	ck_assert_int_eq(bh_calls_try(why), 0);
	ck_assert_str_eq(why, "");
}
END_TEST

/* Root is not counted. The test runs in a process of its own, which has none afterwards. */
START_TEST(want_of_processes_is_not_a_filter)
{
	struct rlimit was, none;
	char why[BH_CALLS_WHY] = "";

	if (geteuid() == 0)
		ck_assert_int_eq(setresuid(65534, 65534, 65534), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NPROC, &was), 0);
	none = (struct rlimit){ 0, was.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NPROC, &none), 0);
	ck_assert_int_eq(fork(), -1);
	ck_assert_msg(bh_calls_try(why) == 0, "%s", why);
	/* A sanitizer looks for leaks from a process of its own. */
	ck_assert_int_eq(setrlimit(RLIMIT_NPROC, &was), 0);
}
END_TEST

START_TEST(a_filter_is_named_with_the_call)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_memfd_create, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = { sizeof(code) / sizeof(*code), code };
	char why[BH_CALLS_WHY] = "";

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
	ck_assert_int_eq(bh_calls_try(why), -EPERM);
	ck_assert_ptr_nonnull(strstr(why, "memfd_create() is refused"));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("calls");
	Suite *s = suite_create("tools.calls");

	tcase_add_test(tc, nothing_is_refused_here);
	tcase_add_test(tc, want_of_processes_is_not_a_filter);
	tcase_add_test(tc, a_filter_is_named_with_the_call);
	suite_add_tcase(s, tc);
	return bh_check_run(s);
}
