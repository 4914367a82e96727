/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ipc/system/trace_rings.h"

int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void pause_ms(int ms)
{
	poll(NULL, 0, ms);
}

void rig_open(struct rig *r)
{
	char path[64];
	int fd = memfd_create("test-board", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, sizeof(struct bh_board)), 0);
	r->board = mmap(NULL, sizeof(struct bh_board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(r->board, MAP_FAILED);
	r->board->magic = BH_BOARD_MAGIC;
	r->board->format = bh_format;
	r->board->bytes = sizeof(struct bh_board);
	r->board->n_services = 1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r->board_fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(r->board_fd, 0);
	close(fd);
}

/* By descriptor, since a user who is not root may not reach the build folder. */
static void become_traced(const struct rig *r, int ctl, uid_t uid)
{
	char *argv[] = { (char[]){ "bulkhead-traced" }, NULL };
	char *env[] = { NULL };
	int program = open(BH_TRACED, O_RDONLY | O_CLOEXEC);
	/* Out of the way of the two numbers that are promised. */
	int from_ctl = fcntl(ctl, F_DUPFD_CLOEXEC, 64);
	int from_board = fcntl(r->board_fd, F_DUPFD_CLOEXEC, 64);
	program = fcntl(program, F_DUPFD_CLOEXEC, 64);

	if (program < 0 || dup2(from_ctl, BH_CTL_FD) < 0 || dup2(from_board, BH_BOARD_FD) < 0)
		_exit(125);
	if (uid != getuid() && (setgid(uid) < 0 || setuid(uid) < 0))
		_exit(126);
	fexecve(program, argv, env);
	_exit(127);
}

void rig_receive(struct rig *r)
{
	struct iovec iov = { &r->said, sizeof(r->said) };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };
	struct pollfd p = { .fd = r->ctl, .events = POLLIN };

	ck_assert_int_eq(poll(&p, 1, 10000), 1);
	ck_assert_int_eq(recvmsg(r->ctl, &msg, MSG_CMSG_CLOEXEC), sizeof(r->said));
	ck_assert_uint_eq(r->said.op, BH_CTL_TRACE_PAGE);
	ck_assert_uint_eq(msg.msg_controllen, sizeof(control.bytes));
	memcpy(&r->page_fd, CMSG_DATA(&control.align), sizeof(int));
	void *page = mmap(NULL, BH_TRACE_BYTES, PROT_READ, MAP_SHARED, r->page_fd, 0);
	ck_assert_ptr_ne(page, MAP_FAILED);
	r->page = page;
	ck_assert_uint_eq(r->page->magic, BH_TRACE_MAGIC);
}

void rig_start(struct rig *r, uid_t uid)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	r->traced = fork();
	ck_assert_int_ge(r->traced, 0);
	if (r->traced == 0)
		become_traced(r, pair[1], uid);
	close(pair[1]);
	r->ctl = pair[0];
	rig_receive(r);
}

void rig_stop(struct rig *r)
{
	int status;

	close(r->ctl);
	ck_assert_int_eq(waitpid(r->traced, &status, 0), r->traced);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "traced ended with %#x",
		      (unsigned)status);
}

static const struct bh_trace_worker *entry_of(const struct rig *r, uint32_t slot, pid_t pid)
{
	uint32_t n = __atomic_load_n(&r->page->n_workers, __ATOMIC_ACQUIRE);

	for (uint32_t e = 0; e < n; e++) {
		const struct bh_trace_worker *w = &r->page->workers[e];
		if (w->service == 0 && w->slot == slot &&
		    __atomic_load_n(&w->pid, __ATOMIC_ACQUIRE) == pid)
			return w;
	}
	return NULL;
}

const struct bh_trace_worker *rig_tracked(struct rig *r, uint32_t slot, pid_t pid)
{
	wait_until(entry_of(r, slot, pid));
	return entry_of(r, slot, pid);
}

void rig_refresh(const struct rig *r)
{
	uint64_t updates = __atomic_load_n(&r->page->updates, __ATOMIC_ACQUIRE);

	wait_until(__atomic_load_n(&r->page->updates, __ATOMIC_ACQUIRE) >= updates + 2);
}

/* In a new worker: nothing of the test's, or traced would not see the control
 * socket end; dies with the test. */
void worker_process(int cpu)
{
	cpu_set_t set;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL); /* the test's own handlers end the test */
	close_range(3, ~0u, 0);
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (cpu >= 0 && sched_setaffinity(0, sizeof(set), &set) < 0)
		_exit(1);
}

struct sleeper sleeper_start(int cpu)
{
	int in[2], out[2];
	char c;

	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		worker_process(cpu);
		while (read(STDIN_FILENO, &c, 1) == 1 && write(STDOUT_FILENO, &c, 1) == 1)
			;
		_exit(0);
	}
	close(in[0]);
	close(out[1]);
	return (struct sleeper){ .pid = pid, .poke = in[1], .done = out[0] };
}

static char state_of(pid_t pid)
{
	char path[64], line[256];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	FILE *f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), f));
	fclose(f);
	return strrchr(line, ')')[2];
}

void sleeper_poke(const struct sleeper *s, unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		wait_until(state_of(s->pid) == 'S');
		sleeper_rush(s, 1);
	}
	wait_until(state_of(s->pid) == 'S');
}

void sleeper_rush(const struct sleeper *s, unsigned times)
{
	char c = 0;

	for (unsigned i = 0; i < times; i++) {
		ck_assert_int_eq(write(s->poke, &c, 1), 1);
		ck_assert_int_eq(read(s->done, &c, 1), 1);
	}
}

pid_t spinner_start(int cpu)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid)
		return pid;
	worker_process(cpu);
	for (;;)
		__asm__ volatile("");
}

bool set_priority(pid_t pid, int priority)
{
	struct sched_param p = { .sched_priority = priority };

	return sched_setscheduler(pid, SCHED_FIFO, &p) == 0;
}

static void hog_main(_Atomic int *spinning)
{
	char c;

	while (read(STDIN_FILENO, &c, 1) == 1) {
		atomic_store(spinning, 1);
		while (atomic_load(spinning))
			;
	}
	_exit(0);
}

struct hog hog_start(int cpu)
{
	int start[2];

	_Atomic int *spinning = mmap(NULL, sizeof(*spinning), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(spinning, MAP_FAILED);
	ck_assert_int_eq(pipe2(start, O_CLOEXEC), 0);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		dup2(start[0], STDIN_FILENO);
		worker_process(cpu);
		hog_main(spinning);
	}
	close(start[0]);
	ck_assert(set_priority(pid, 2));
	return (struct hog){ .pid = pid, .start = start[1], .spinning = spinning };
}

void hog_begin(const struct hog *h)
{
	ck_assert_int_eq(write(h->start, "", 1), 1);
	wait_until(atomic_load(h->spinning));
}

void hog_end(const struct hog *h)
{
	atomic_store(h->spinning, 0);
}

uint64_t proc_status(pid_t pid, const char *key, int base)
{
	char path[64], line[256];
	size_t n = strlen(key);
	uint64_t value = UINT64_MAX;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	FILE *f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, n) && line[n] == ':')
			value = strtoull(line + n + 1, NULL, base);
	fclose(f);
	ck_assert_msg(value != UINT64_MAX, "no %s in %s", key, path);
	return value;
}

int rig_probe(char *line, int bytes)
{
	FILE *f = popen("exec '" BH_TRACED "' --probe", "re");

	if (!f || !fgets(line, bytes, f))
		line[0] = 0;
	int status = f ? pclose(f) : -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
