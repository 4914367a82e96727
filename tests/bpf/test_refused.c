/* SPDX-License-Identifier: MIT */
/*
 * Where nothing can be measured: one sentence says what is missing, and traced
 * stays, so that nobody starts it again and again.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"
#include "tests/check_run.h"

#ifdef BH_WITH_BPF
#include "bpf/load/privilege.h"
#include "bpf/load/reason.h"
#endif

#define NOBODY 65534

static uid_t somebody_without_privilege(void)
{
	return getuid() == 0 ? NOBODY : getuid();
}

static const char *expected_word(void)
{
#ifdef BH_WITH_BPF
	return access("/sys/kernel/btf/vmlinux", R_OK) == 0 ? "CAP_BPF" : "CONFIG_DEBUG_INFO_BTF";
#else
	return "built without BPF";
#endif
}

START_TEST(traced_says_what_is_missing_and_stays)
{
	struct rig rig;

	rig_open(&rig);
	rig.board->services[0].worker_pid[0] = getpid();
	rig_start(&rig, somebody_without_privilege());
	ck_assert_int_lt(rig.said.trace_page.error, 0);
	ck_assert_msg(strstr(rig.said.trace_page.why, expected_word()), "%s",
		      rig.said.trace_page.why);
	ck_assert_int_eq(rig.page->part[0].error, rig.said.trace_page.error);
	ck_assert_str_eq(rig.page->part[0].reason, rig.said.trace_page.why);
	pause_ms(1500);
	ck_assert_int_eq(waitpid(rig.traced, NULL, WNOHANG), 0);
	ck_assert_uint_eq(rig.page->n_workers, 0);
	rig_stop(&rig);
}
END_TEST

START_TEST(page_is_sealed)
{
	struct rig rig;

	rig_open(&rig);
	rig_start(&rig, somebody_without_privilege());
	ck_assert_int_eq(ftruncate(rig.page_fd, 0), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(ftruncate(rig.page_fd, 1 << 24), -1);
	ck_assert_ptr_eq(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, rig.page_fd, 0),
			 MAP_FAILED);
	ck_assert_int_eq(pwrite(rig.page_fd, "x", 1, 0), -1);
	rig_stop(&rig);
}
END_TEST

START_TEST(traced_by_hand_explains_itself)
{
	char line[256];
	int code = rig_probe(line, sizeof(line));

	ck_assert_int_eq(code, strstr(line, "BPF works") ? 0 : 1);
	ck_assert_ptr_nonnull(strchr(line, '\n'));
	int status = system("'" BH_TRACED "' 5<&- 2>/dev/null");
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 100);
	status = system("'" BH_TRACED "' --wrong 2>/dev/null");
	ck_assert_int_eq(WEXITSTATUS(status), 100);
	ck_assert_int_eq(system("'" BH_TRACED "' --version | grep -q '^bulkhead-traced '"), 0);
}
END_TEST

#ifdef BH_WITH_BPF
static const struct {
	int error;
	struct bh_reason_facts facts;
	const char *word;
} reasons[] = {
	{ -EPERM, { 0, true, true }, "CAP_BPF and CAP_PERFMON are missing" },
	{ -EPERM, { BH_CAP(CAP_PERFMON), true, true }, "CAP_BPF is missing" },
	{ -EPERM, { BH_CAP(CAP_BPF), true, true }, "CAP_PERFMON is missing" },
	{ -EACCES, { BH_CAPS_TRACING, true, true }, "lockdown or seccomp" },
	{ -ESRCH, { BH_CAPS_TRACING, false, true }, "CONFIG_DEBUG_INFO_BTF" },
	{ -ESRCH, { BH_CAPS_TRACING, true, true }, "CONFIG_BPF_EVENTS" },
	{ -ENOSYS, { BH_CAPS_TRACING, true, true }, "CONFIG_BPF_SYSCALL" },
	{ -EOPNOTSUPP, { BH_CAPS_TRACING, true, false }, "--pid=host" },
	{ -E2BIG, { BH_CAPS_TRACING, true, true }, "Argument list too long" },
	{ -EILSEQ, { BH_CAPS_TRACING, true, true }, "Linux 5.11" },
};

START_TEST(reason_names_the_remedy_whole)
{
	char text[BH_TRACE_TEXT];

	bh_reason(reasons[_i].error, &reasons[_i].facts, text);
	ck_assert_msg(strstr(text, reasons[_i].word), "%s", text);
	/* A sentence that fills the room may have been cut. */
	ck_assert_msg(strlen(text) < BH_TRACE_TEXT - 1, "%s", text);
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("bpf.refused");
	TCase *tcase = tcase_create("refused");

	tcase_add_test(tcase, traced_says_what_is_missing_and_stays);
	tcase_add_test(tcase, page_is_sealed);
	tcase_add_test(tcase, traced_by_hand_explains_itself);
#ifdef BH_WITH_BPF
	tcase_add_loop_test(tcase, reason_names_the_remedy_whole, 0,
			    sizeof(reasons) / sizeof(*reasons));
#endif
	suite_add_tcase(suite, tcase);

	return bh_check_run(suite);
}
