/* SPDX-License-Identifier: MIT */
/* test_clone.c: what a clone has made known before the child runs, and that it is the same
 * where clone3() is refused. */
#include <check.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc/base/clone.h"
#include "tests/check_run.h"

enum {
	NOT_REFUSED,
	BY_CONTAINER,
	BY_UNIT,
};

static const int answers[] = { [BY_CONTAINER] = ENOSYS, [BY_UNIT] = EPERM };

static struct words {
	pid_t pid, tid;
	int pidfd;
} * shared;

static void refuse_clone3(int how)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)answers[how]),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = { sizeof(f) / sizeof(*f), f };

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p), 0);
}

static uint64_t address(void *of)
{
	return (uint64_t)(uintptr_t)of;
}

/* Clones with @flags; the child ends with what @child says. Returns its exit code. */
static int clone_with(int how, uint64_t flags, int (*child)(void))
{
	struct clone_args a = { .flags = flags, .exit_signal = SIGCHLD };
	int status;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
	a.pidfd = address(&shared->pidfd);
	a.parent_tid = address(&shared->pid);
	a.child_tid = address(&shared->tid);
	if (how != NOT_REFUSED)
		refuse_clone3(how);
	pid_t pid = bh_clone(&a);
	if (!pid)
		_exit(child());
	ck_assert_int_gt(pid, 0);
	if (flags & CLONE_PARENT_SETTID)
		ck_assert_int_eq(shared->pid, pid);
	if (flags & CLONE_PIDFD) {
		struct pollfd death = { .fd = shared->pidfd, .events = POLLIN };

		ck_assert_int_gt(shared->pidfd, STDERR_FILENO);
		ck_assert_int_eq(poll(&death, 1, -1), 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int knows_pid(void)
{
	return shared->pid == getpid() ? 0 : 1;
}

static int knows_tid(void)
{
	return shared->tid == getpid() ? 0 : 2;
}

static int knows_both(void)
{
	return knows_pid() + knows_tid();
}

START_TEST(kernel_finds_its_pid)
{
	ck_assert_int_eq(clone_with(_i, CLONE_FILES | CLONE_PARENT_SETTID, knows_pid), 0);
}
END_TEST

START_TEST(server_finds_its_pid_and_its_death_is_seen)
{
	ck_assert_int_eq(clone_with(_i, CLONE_PIDFD | CLONE_PARENT_SETTID, knows_pid), 0);
}
END_TEST

START_TEST(worker_finds_its_tid)
{
	const uint64_t flags = CLONE_PIDFD | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;

	ck_assert_int_eq(clone_with(_i, flags, knows_tid), 0);
}
END_TEST

START_TEST(twin_finds_pid_and_tid)
{
	const uint64_t flags =
		CLONE_PIDFD | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;

	ck_assert_int_eq(clone_with(_i, flags, knows_both), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ipc.clone");
	TCase *c = tcase_create("core");

	tcase_add_loop_test(c, kernel_finds_its_pid, NOT_REFUSED, BY_UNIT + 1);
	tcase_add_loop_test(c, server_finds_its_pid_and_its_death_is_seen, NOT_REFUSED,
			    BY_UNIT + 1);
	tcase_add_loop_test(c, worker_finds_its_tid, NOT_REFUSED, BY_UNIT + 1);
	tcase_add_loop_test(c, twin_finds_pid_and_tid, NOT_REFUSED, BY_UNIT + 1);
	suite_add_tcase(s, c);
	return bh_check_run(s);
}
