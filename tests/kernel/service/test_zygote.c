/* SPDX-License-Identifier: MIT */
/* A zygote killed before and after each system call of what it is asked to do: its
 * twin goes on, and no descriptor stays behind. The service is a real one. */
#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc/base/address.h"
#include "tests/check_run.h"
#include "tests/kernel/rig.h"

enum {
	MAX_STOPS = 200
};

static struct rig r;

static void setup(void)
{
	struct rlimit few = { 512, 512 }; /* it looks at every number that can be one */

	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	rig_init(&r);
	struct bh_plan_service *s = &r.plan->services[0];

	snprintf(s->host, sizeof(s->host), "%s", ZYGOTE_HOST);
	snprintf(s->module, sizeof(s->module), "%s", ZYGOTE_MODULE);
	s->restart_intensity = 0;
	s->backoff_min_ms = s->backoff_max_ms = 1;
}

static void teardown(void)
{
	rig_fini(&r);
}

static bool all_up(void)
{
	const struct bh_proc *w = rig_proc(&r, BH_PROC_WORKER);

	for (uint32_t i = 0; i < RIG_WORKERS; i++)
		if (bh_ld_acq(&w[i].state) != BH_PROC_UP)
			return false;
	return bh_ld_acq(&rig_proc(&r, BH_PROC_ZYGOTE)->state) == BH_PROC_UP &&
	       bh_ld_acq(&rig_proc(&r, BH_PROC_TWIN)->state) == BH_PROC_UP;
}

/* -- descriptors ------------------------------------------------------------------- */

/* How many the service has; what they are, in @text. */
static int descriptors(char *text, size_t size)
{
	return rig_descriptors(rig_proc(&r, BH_PROC_ZYGOTE)->pid, text, size);
}

static int count(void)
{
	char text[4096];

	return descriptors(text, sizeof(text));
}

/* -- the zygote, step by step ---------------------------------------------------------- */

static struct __ptrace_syscall_info stop_info(pid_t pid)
{
	struct __ptrace_syscall_info info = { 0 };

	ck_assert_int_gt(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info), 0);
	return info;
}

static bool waits_for_request(pid_t pid)
{
	struct __ptrace_syscall_info info = stop_info(pid);

	return info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == SYS_recvmsg;
}

/* On to the next stop at a system call. */
static void step(pid_t pid)
{
	int status;

	do {
		ck_assert_int_eq(ptrace(PTRACE_SYSCALL, pid, 0, 0), 0);
		ck_assert_int_eq(waitpid(pid, &status, __WALL), pid);
		ck_assert_msg(WIFSTOPPED(status), "the zygote ended: %x", status);
	} while (WSTOPSIG(status) != (SIGTRAP | 0x80));
}

/* Stopped where it waits for a request. */
static void attach(pid_t pid)
{
	int status;

	ck_assert_int_eq(ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD), 0);
	ck_assert_int_eq(ptrace(PTRACE_INTERRUPT, pid, 0, 0), 0);
	ck_assert_int_eq(waitpid(pid, &status, __WALL), pid);
	while (!waits_for_request(pid))
		step(pid);
}

/* Has the zygote do the @requests that @provoke makes the kernel send, and kills it
 * at the @n-th stop of that. False: it was through before. */
static bool kill_at(int n, int requests, void (*provoke)(void))
{
	pid_t pid = rig_proc(&r, BH_PROC_ZYGOTE)->pid;
	int status;

	attach(pid);
	provoke();
	for (int i = 0; i < n; i++) {
		step(pid);
		if (waits_for_request(pid) && --requests == 0) {
			ptrace(PTRACE_DETACH, pid, 0, 0);
			return false;
		}
	}
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, __WALL), pid);
	rig_until(rig_proc(&r, BH_PROC_ZYGOTE)->pid != pid);
	return true;
}

/* At every stop; there must be at least @least. */
static void check_all_stops(void (*provoke)(void), int requests, int least)
{
	char text[4096], now[4096];
	int n = 1;

	rig_start(&r, true);
	rig_until(all_up());
	kill(rig_proc(&r, BH_PROC_ZYGOTE)->pid, SIGKILL);
	rig_until(r.board->services[0].zygote_restarts == 1 && all_up());
	int base = descriptors(text, sizeof(text));
	while (n < MAX_STOPS && kill_at(n, requests, provoke)) {
		rig_until(all_up());
		for (int left = 1000; count() != base && left; left--)
			usleep(2000);
		int left = descriptors(now, sizeof(now));
		ck_assert_msg(left == base, "killed at stop %d: %d descriptors, not %d:\n%s\n%s", n,
			      left, base, text, now);
		ck_assert_msg(r.board->services[0].resets == 0, "killed at stop %d: reset: %s", n,
			      r.board->services[0].last_reset);
		n++;
	}
	ck_assert_int_gt(n, least);
	ck_assert_int_lt(n, MAX_STOPS);
}

static void end_worker(void)
{
	kill(r.board->services[0].worker_pid[0], SIGKILL);
}

static void end_worker_in_accept(void)
{
	bh_st_rel(&r.v.workers[0].journal.accepting, 1);
	end_worker();
}

START_TEST(killed_while_it_makes_a_worker)
{
	check_all_stops(end_worker, 1, 8);
}
END_TEST

START_TEST(killed_while_it_looks_for_lost_descriptors)
{
	check_all_stops(end_worker_in_accept, 2, 20);
}
END_TEST

/* The kernel has asked for another twin. */
static bool twin_asked(uint32_t epoch)
{
	const struct bh_proc *p = rig_proc(&r, BH_PROC_TWIN);

	return bh_ld_acq(&p->state) == BH_PROC_STARTING && p->epoch != epoch;
}

/* Until it has cloned somebody, who cannot have been told of. */
static void step_over_clone(pid_t pid)
{
	struct __ptrace_syscall_info info;
	uint64_t call = 0;

	do {
		step(pid);
		info = stop_info(pid);
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
			call = info.entry.nr;
	} while (info.op != PTRACE_SYSCALL_INFO_EXIT || call != SYS_clone3);
}

enum when {
	NEVER,
	BEFORE,
	AFTER
};

/* A zygote has lost its twin, is asked for another, clones it, and is killed before
 * it can tell. The kernel is killed before or after the clone, or not at all. */
static void check_untold_twin(enum when kernel)
{
	rig_start(&r, true);
	rig_until(all_up());
	pid_t first = r.board->services[0].worker_pid[0], pid = rig_proc(&r, BH_PROC_ZYGOTE)->pid;
	uint32_t epoch = rig_proc(&r, BH_PROC_TWIN)->epoch;
	int status;

	attach(pid);
	kill(rig_proc(&r, BH_PROC_TWIN)->pid, SIGKILL);
	rig_until(twin_asked(epoch));
	if (kernel == BEFORE) {
		kill(r.board->kernel_pid, SIGKILL);
		rig_until(rig_attached(&r));
	}
	step_over_clone(pid);
	if (kernel == AFTER)
		kill(r.board->kernel_pid, SIGKILL);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, __WALL), pid);
	rig_until(rig_proc(&r, BH_PROC_ZYGOTE)->pid != pid && all_up());
	ck_assert_msg(r.board->services[0].resets == 0, "reset: %s",
		      r.board->services[0].last_reset);
	ck_assert_int_eq(r.board->services[0].worker_pid[0], first);
}

START_TEST(twin_that_nobody_told_of_takes_over)
{
	check_untold_twin(NEVER);
}
END_TEST

START_TEST(twin_asked_for_by_a_dead_kernel_takes_over)
{
	check_untold_twin(BEFORE);
}
END_TEST

START_TEST(twin_that_a_dead_kernel_was_not_told_of_takes_over)
{
	check_untold_twin(AFTER);
}
END_TEST

START_TEST(twin_that_died_before_it_was_known_is_replaced)
{
	rig_start(&r, true);
	rig_until(all_up());
	pid_t pid = rig_proc(&r, BH_PROC_ZYGOTE)->pid;

	attach(pid);
	kill(rig_proc(&r, BH_PROC_TWIN)->pid, SIGKILL);
	step_over_clone(pid);
	pid_t twin = bh_ld_acq(&r.v.a->clones.twin_pid);
	ck_assert_int_gt(twin, 0);
	kill(twin, SIGKILL);
	rig_until(kill(twin, 0) < 0);
	ptrace(PTRACE_DETACH, pid, 0, 0);
	rig_until(all_up());
	ck_assert_int_ne(rig_proc(&r, BH_PROC_TWIN)->pid, twin);
	ck_assert_int_eq(rig_proc(&r, BH_PROC_ZYGOTE)->pid, pid);
}
END_TEST

/* -- sockets lost in accept --------------------------------------------------------- */

static int connect_to(uint32_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static bool is_closed(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLRDHUP };

	return poll(&p, 1, 0) == 1;
}

static void seize(pid_t pid)
{
	int status;

	ck_assert_int_eq(ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD), 0);
	ck_assert_int_eq(ptrace(PTRACE_INTERRUPT, pid, 0, 0), 0);
	ck_assert_int_eq(waitpid(pid, &status, __WALL), pid);
}

/* The worker has the socket, and has not written it down. */
static void kill_after_accept(pid_t pid)
{
	struct __ptrace_syscall_info info;
	uint64_t call = 0;
	int status;

	do {
		step(pid);
		info = stop_info(pid);
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
			call = info.entry.nr;
	} while (info.op != PTRACE_SYSCALL_INFO_EXIT || call != SYS_accept4 || info.exit.rval < 0);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, __WALL), pid);
}

/* Its accepting task waits: stopped with that task on it, a worker would keep it. */
static bool accepts(void)
{
	for (uint32_t i = 1; i < r.v.l.tasks; i++)
		if (bh_state_of(bh_ld_acq(&r.v.tasks[i].state)) == BH_WAITING &&
		    r.v.tasks[i].wait == BH_WAIT_IO)
			return true;
	return false;
}

/* Linux stops a process some time after the signal; until then it can be given events. */
static bool is_stopped(pid_t pid)
{
	char path[64], state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%*d (%*[^)]) %c", &state), 1);
	fclose(f);
	return state == 'T';
}

/* Its listener was opened by address and is closed with it; another worker is
 * stopped and says that it is in an accept, so at first nothing can be told. */
START_TEST(socket_lost_in_accept_is_closed_when_that_can_be_told)
{
	struct bh_plan_service *ps = &r.plan->services[0];

	snprintf(ps->module, sizeof(ps->module), "%s", ZYGOTE_LISTEN);
	ps->n_listen = 0;
	ps->workers = 2;
	rig_start(&r, true);
	rig_until(bh_ld_acq(&r.v.a->ports[0]) != 0);
	rig_until(accepts());
	pid_t pid = r.board->services[0].worker_pid[0], other = r.board->services[0].worker_pid[1];
	kill(other, SIGSTOP);
	rig_until(is_stopped(other));
	bh_st_rel(&r.v.workers[1].journal.accepting, 1);
	seize(pid);
	int client = connect_to(bh_ld_acq(&r.v.a->ports[0]));
	kill_after_accept(pid);
	rig_until(r.board->services[0].worker_restarts[0] == 1);
	usleep(300000); /* as long as it would have been waited for once */
	ck_assert(!is_closed(client));
	bh_st_rel(&r.v.workers[1].journal.accepting, 0);
	kill(other, SIGCONT);
	rig_until(is_closed(client));
	close(client);
}
END_TEST

/* The listener is configured, and has a Unix name instead of a port. */
START_TEST(socket_lost_in_accept_at_a_unix_name_is_closed)
{
	struct bh_plan_service *ps = &r.plan->services[0];
	int at = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int client = socket(AF_UNIX, SOCK_STREAM, 0);
	struct bh_address a;
	char name[64];

	snprintf(name, sizeof(name), "unix:@bulkhead test zygote %d", (int)getpid());
	ck_assert_int_eq(bh_address_parse(name, &a), 0);
	ck_assert_int_eq(bh_address_bind(at, &a), 0);
	ck_assert_int_eq(listen(at, 1), 0);
	ck_assert_int_eq(dup2(at, ps->listen[0].fd), ps->listen[0].fd);
	snprintf(ps->module, sizeof(ps->module), "%s", ZYGOTE_LISTEN);
	ps->workers = 1;
	rig_start(&r, true);
	rig_until(bh_ld_acq(&r.v.ios[1].owner) != 0);
	pid_t pid = r.board->services[0].worker_pid[0];
	seize(pid);
	ck_assert_int_eq(connect(client, (struct sockaddr *)&a.ss, a.len), 0);
	kill_after_accept(pid);
	rig_until(is_closed(client));
	close(client);
	close(at);
}
END_TEST

/* -- descriptors lost in other calls ---------------------------------------------- */

static void start_service(const char *module, uint32_t workers)
{
	struct bh_plan_service *ps = &r.plan->services[0];

	snprintf(ps->module, sizeof(ps->module), "%s", module);
	ps->n_listen = 0;
	ps->workers = workers;
	rig_start(&r, true);
	rig_until(r.board->services[0].worker_pid[workers - 1] != 0);
	rig_until(bh_ld_acq(&rig_proc(&r, BH_PROC_TWIN)->state) == BH_PROC_UP);
}

/* A call that the worker makes round after round: when it has no descriptor open, and
 * from which on one that is lost is found. */
struct round {
	uint64_t start, from;
};

static bool enters(pid_t pid, uint64_t call)
{
	struct __ptrace_syscall_info info = stop_info(pid);

	return info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == call;
}

/* Steps worker @pid through a round up to its call `from`, then @n stops further. False:
 * the next round began before. @open: how many descriptors there were at its start. */
static bool step_into(pid_t pid, struct round round, int n, int *open)
{
	int status;

	ck_assert_int_eq(ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD), 0);
	ck_assert_int_eq(ptrace(PTRACE_INTERRUPT, pid, 0, 0), 0);
	ck_assert_int_eq(waitpid(pid, &status, __WALL), pid);
	do
		step(pid);
	while (!enters(pid, round.start));
	*open = count();
	while (!enters(pid, round.from))
		step(pid);
	for (int i = 0; i < n; i++) {
		step(pid);
		if (enters(pid, round.start))
			return false;
	}
	return true;
}

static void end(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, __WALL), pid);
}

/* Kills the worker at each stop of a round, of which there must be at least @least. */
static void check_round(struct round round, int least)
{
	int n = 0, open, base = 0;
	bool more = true;

	for (; more && n < MAX_STOPS; n++) {
		pid_t pid = r.board->services[0].worker_pid[0];

		more = step_into(pid, round, n, &open);
		base = base ? base : open;
		end(pid);
		rig_until(r.board->services[0].worker_pid[0] != pid &&
			  r.board->services[0].worker_pid[0] != 0);
		rig_until(count() == base);
	}
	ck_assert_int_gt(n, least);
	ck_assert_int_lt(n, MAX_STOPS);
	ck_assert_msg(r.board->services[0].resets == 0, "reset: %s",
		      r.board->services[0].last_reset);
}

START_TEST(killed_at_each_call_of_a_connect)
{
	start_service(ZYGOTE_CONNECT, 1);
	check_round((struct round){ SYS_socket, SYS_socket }, 8);
}
END_TEST

START_TEST(killed_at_each_call_that_opens_a_datagram_socket)
{
	start_service(ZYGOTE_DATAGRAM, 1);
	check_round((struct round){ SYS_socket, SYS_socket }, 8);
}
END_TEST

/* From the adoption of the first one on: sent, taken, closed; and a pipe. */
START_TEST(killed_at_each_call_that_hands_a_descriptor_over)
{
	start_service(ZYGOTE_RIGHTS, 1);
	check_round((struct round){ SYS_eventfd2, SYS_epoll_ctl }, 40);
}
END_TEST

/* Before it is adopted, an eventfd is its task's own affair. */
START_TEST(killed_at_each_call_that_closes_what_was_adopted)
{
	start_service(ZYGOTE_ADOPT, 1);
	check_round((struct round){ SYS_eventfd2, SYS_epoll_ctl }, 8);
}
END_TEST

/* A task that runs may just have made such a socket for itself: while another worker is
 * in a poll (it is stopped, and says so), nothing can be told. */
START_TEST(socket_lost_in_connect_is_closed_when_it_can_be_no_tasks)
{
	int base;

	start_service(ZYGOTE_CONNECT, 2);
	pid_t pid = r.board->services[0].worker_pid[0], other = r.board->services[0].worker_pid[1];
	/* Worker 1 has run the main task perhaps, and worker 0 does the rest. */
	do {
		kill(other, SIGCONT);
		rig_until(bh_ld_acq(&r.v.workers[0].count.polls) > 10 &&
			  !bh_ld_acq(&r.v.workers[1].current));
		kill(other, SIGSTOP);
		rig_until(is_stopped(other));
	} while (bh_ld_acq(&r.v.workers[1].current));
	bh_st_rel(&r.v.workers[1].current, bh_handle(1, 1));
	/* The socket is made. */
	ck_assert(step_into(pid, (struct round){ SYS_socket, SYS_socket }, 1, &base));
	end(pid);
	rig_until(r.board->services[0].worker_restarts[0] == 1);
	usleep(300000);
	for (int i = 0; i < 20; i++)
		ck_assert_int_gt(count(), base);
	bh_st_rel(&r.v.workers[1].current, 0);
	kill(other, SIGCONT);
	rig_until(count() == base);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("zygote");
	TCase *c = tcase_create("zygote");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, killed_while_it_makes_a_worker);
	tcase_add_test(c, killed_while_it_looks_for_lost_descriptors);
	tcase_add_test(c, twin_that_nobody_told_of_takes_over);
	tcase_add_test(c, twin_asked_for_by_a_dead_kernel_takes_over);
	tcase_add_test(c, twin_that_a_dead_kernel_was_not_told_of_takes_over);
	tcase_add_test(c, twin_that_died_before_it_was_known_is_replaced);
	tcase_add_test(c, socket_lost_in_accept_is_closed_when_that_can_be_told);
	tcase_add_test(c, socket_lost_in_accept_at_a_unix_name_is_closed);
	tcase_add_test(c, killed_at_each_call_of_a_connect);
	tcase_add_test(c, killed_at_each_call_that_opens_a_datagram_socket);
	tcase_add_test(c, killed_at_each_call_that_hands_a_descriptor_over);
	tcase_add_test(c, killed_at_each_call_that_closes_what_was_adopted);
	tcase_add_test(c, socket_lost_in_connect_is_closed_when_it_can_be_no_tasks);
	suite_add_tcase(s, c);
	return bh_check_run(s);
}
