/* SPDX-License-Identifier: MIT */
/*
 * fake_host.c: a zygote whose workers run no task: what the kernel sees of a
 * service, without one. Its environment makes it misbehave:
 *
 *   FAKE_INIT_ERROR=1   answers READY with an error
 *   FAKE_INIT_MS=N      answers READY after so long
 *   FAKE_INIT_OF=NAME   ... if it is this service; the others at once
 *   FAKE_BROKEN=FILE    answers READY with an error while that file is there
 *   FAKE_DIE_US=N       each worker aborts N us after it came up
 *   FAKE_DIE_IN_TASK=1  those after the first one in a slot abort in a task, before they
 *                       are said to be up
 *   FAKE_VACANT=1       and says in its slot's word, before that, that it went by itself
 *   FAKE_LEASE=N        a task waits for a socket that has something: the first worker's
 *                       lease of that instance is in mode N, and nobody looks at it
 *   FAKE_REACTOR=N      that instance; 0 if not set
 *   FAKE_EVENTS=1       more comes from the socket every few ms
 *   FAKE_CLAIM=1        before it tells of a process of the first epoch, it claims
 *                       that its first worker is that, for the request at hand and for
 *                       an earlier one
 *   FAKE_NO_ROOM=1      cannot make a process for an epoch after the first when it is
 *                       asked for it first
 *   FAKE_UNTOLD=N       tells of the first process for an epoch after the first when that
 *                       has taken its slot, and without its pidfd; 2: when it is dead, too;
 *                       3: and its slot names one that nobody ever saw
 *   FAKE_MUTE=1         reads the first request for an epoch after the first, and does nothing
 */
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "ipc/arena/arena.h"
#include "ipc/arena/incarnation.h"
#include "ipc/system/control.h"

/* Its workers must die of the signals they are killed with; under ASan they would
 * exit with a report instead. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "handle_segv=0:handle_abort=0";
}

static struct bh_view view;
static int ctl = BH_CTL_FD;

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static void answer(struct bh_ctl *m, int fd)
{
	struct iovec iov = { m, sizeof(*m) };
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} room = { .head = { .cmsg_len = CMSG_LEN(sizeof(int)),
			     .cmsg_level = SOL_SOCKET,
			     .cmsg_type = SCM_RIGHTS } };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		memcpy(CMSG_DATA(&room.head), &fd, sizeof(fd));
		h.msg_control = &room;
		h.msg_controllen = sizeof(room);
	}
	if (sendmsg(ctl, &h, MSG_NOSIGNAL) < 0)
		_exit(1);
	if (fd >= 0)
		close(fd);
}

static bool request(struct bh_ctl *m, int *fd)
{
	struct iovec iov = { m, sizeof(*m) };
	char room[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
	struct msghdr h = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = room,
			    .msg_controllen = sizeof(room) };

	*fd = -1;
	if (recvmsg(ctl, &h, MSG_CMSG_CLOEXEC) <= 0)
		return false;
	if (CMSG_FIRSTHDR(&h))
		memcpy(fd, CMSG_DATA(CMSG_FIRSTHDR(&h)), sizeof(*fd));
	return true;
}

static pid_t clone_self(int *pidfd)
{
	struct clone_args a = { .flags = CLONE_FILES | CLONE_PARENT | CLONE_PIDFD,
				.pidfd = (uint64_t)(uintptr_t)pidfd };
	pid_t pid = (pid_t)syscall(SYS_clone3, &a, sizeof(a));

	return pid < 0 ? -errno : pid;
}

/* Registers a socket that has data for task 2, which waits; in whose hands the lease
 * is, FAKE_LEASE says. Nobody here looks at epoll ever. */
static int have_event(uint32_t slot, uint32_t epoch)
{
	struct bh_ioslot *s = bh_io_at(&view, 1);
	struct epoll_event e = { .events = EPOLLIN | EPOLLET, .data.u64 = bh_handle(1, 1) };
	int fd = eventfd(1, 0);
	enum bh_lease_mode mode = (enum bh_lease_mode)atoi(getenv("FAKE_LEASE"));
	uint32_t at = getenv("FAKE_REACTOR") ? (uint32_t)atoi(getenv("FAKE_REACTOR")) : 0;

	if (mode != BH_LEASE_FREE)
		bh_lease_take(&view.a->idle.lease[at], slot, epoch, mode);
	bh_st_rel(&view.tasks[2].state, bh_state_make(1, 0, BH_OWNER_NONE, 0, BH_WAITING));
	bh_st_rel(&view.a->io_pool.mark, 64);
	bh_st_rlx(&s->gen, 1);
	bh_st_rlx(&s->ready[0], 2ull << 32);
	bh_st_rel(&s->owner, bh_handle(1, 2));
	if (epoll_ctl(bh_epoll_fd(at), EPOLL_CTL_ADD, fd, &e))
		_exit(1);
	return fd;
}

static _Noreturn void die_in_task(uint32_t slot, uint32_t epoch)
{
	uint32_t idx = 2 + slot;

	bh_st_rlx(&view.workers[slot].current, bh_handle(1, idx));
	bh_st_rel(&view.tasks[idx].state, bh_state_make(1, epoch, slot, BH_DETACHED, BH_RUNNING));
	abort();
}

static _Noreturn void work(uint32_t slot, uint32_t epoch)
{
	struct bh_slot *w = &view.workers[slot];
	uint64_t one = 1;

	if (!bh_incarnation_take(&w->word, epoch))
		_exit(0);
	if (getenv("FAKE_DIE_IN_TASK") && epoch > 1)
		die_in_task(slot, epoch);
	bh_or(&view.a->idle.parked, 1ull << slot); /* it has nothing to do */
	bh_st_rel(&w->ready_ns, now_ns());
	if (write(BH_DOORBELL_FD, &one, sizeof(one)) < 0)
		_exit(1);
	if (getenv("FAKE_DIE_US")) {
		usleep((useconds_t)atoi(getenv("FAKE_DIE_US")));
		if (getenv("FAKE_VACANT"))
			bh_st_rel(&w->word,
				  bh_slot_word(BH_SLOT_VACANT, epoch, (uint32_t)getpid()));
		abort();
	}
	int fd = getenv("FAKE_LEASE") && slot == 0 && epoch == 1 ? have_event(slot, epoch) : -1;
	for (;;) {
		if (fd < 0 || !getenv("FAKE_EVENTS"))
			pause();
		else if (write(fd, &one, sizeof(one)) == sizeof(one))
			usleep(5000);
	}
}

static void claim(struct bh_ctl m, pid_t first)
{
	uint32_t *epoch = m.op == BH_CTL_TWIN ? &m.twin.epoch : &m.forked.epoch;

	*(m.op == BH_CTL_TWIN ? &m.twin.pid : &m.forked.pid) = first;
	for (int i = 0; i < 2; i++, --*epoch)
		answer(&m, (int)syscall(SYS_pidfd_open, first, 0));
}

static bool no_room(const struct bh_ctl *m)
{
	static bool refused;
	struct bh_ctl no = { .op = BH_CTL_FORKED,
			     .forked = { m->fork_worker.slot, m->fork_worker.epoch, -EAGAIN } };

	if (!getenv("FAKE_NO_ROOM") || m->fork_worker.epoch == 1 || (refused = !refused) == false)
		return false;
	answer(&no, -1);
	return true;
}

static bool mute(const struct bh_ctl *m)
{
	static bool before;

	if (!getenv("FAKE_MUTE") || m->fork_worker.epoch == 1 || before)
		return false;
	return before = true;
}

/* True: once, and @pidfd is not to be sent. */
static bool untold(const struct bh_ctl *m, pid_t pid)
{
	static bool before;
	int how = getenv("FAKE_UNTOLD") ? atoi(getenv("FAKE_UNTOLD")) : 0;
	_Atomic uint64_t *word = &view.workers[m->fork_worker.slot].word;

	if (!how || before || m->fork_worker.epoch == 1)
		return false;
	before = true;
	while (bh_ld_acq(word) != bh_slot_word(BH_SLOT_UP, m->fork_worker.epoch, (uint32_t)pid))
		usleep(100);
	if (how > 1)
		kill(pid, SIGKILL);
	while (how > 1 && !kill(pid, 0))
		usleep(100);
	if (how > 2)
		bh_st_rel(word, bh_slot_word(BH_SLOT_UP, m->fork_worker.epoch, 1u << 30));
	return true;
}

static void fork_one(const struct bh_ctl *m, int fd)
{
	static pid_t first;
	bool twin = m->op == BH_CTL_FORK_TWIN;
	uint32_t epoch = twin ? m->fork_twin.epoch : m->fork_worker.epoch;
	struct bh_ctl rep = { .op = twin ? BH_CTL_TWIN : BH_CTL_FORKED };
	int pidfd = -1;

	if (!twin && (mute(m) || no_room(m)))
		return;
	pid_t pid = clone_self(&pidfd);
	if (pid == 0 && !twin)
		work(m->fork_worker.slot, epoch);
	if (pid == 0) {
		ctl = fd;
		return;
	}
	if (twin)
		rep.twin.epoch = epoch;
	else
		rep.forked.slot = m->fork_worker.slot, rep.forked.epoch = epoch;
	if (first && epoch == 1 && getenv("FAKE_CLAIM"))
		claim(rep, first);
	first = first ? first : pid;
	*(twin ? &rep.twin.pid : &rep.forked.pid) = pid;
	answer(&rep, !twin && untold(m, pid) ? -1 : pidfd);
}

static void serve(void)
{
	struct bh_ctl m;
	int fd;

	while (request(&m, &fd)) {
		struct bh_ioslot *io =
			m.op == BH_CTL_CLOSE_IO ? bh_io_at(&view, m.close_io.io) : NULL;
		uint64_t closing = BH_IO_CLOSING;

		if (m.op == BH_CTL_FORK_WORKER || m.op == BH_CTL_FORK_TWIN)
			fork_one(&m, fd);
		else if (io)
			bh_cas(&io->owner, &closing, 0);
	}
}

int main(void)
{
	struct bh_plan *plan = mmap(NULL, sizeof(*plan), PROT_READ, MAP_SHARED, BH_PLAN_FD, 0);
	struct bh_ctl ready = { .op = BH_CTL_READY };
	const struct bh_plan_service *service;
	struct bh_layout l;

	while (getenv("FAKE_ADMIND_HANGS") && !getenv("BULKHEAD_SERVICE"))
		pause();
	if (plan == MAP_FAILED || !getenv("BULKHEAD_SERVICE"))
		return 1;
	service = &plan->services[atoi(getenv("BULKHEAD_SERVICE"))];
	bh_layout_from_plan(&l, service);
	if (bh_view_map(&view, &l, BH_ARENA_FD, (void *)BH_ARENA_BASE, true))
		return 1;
	/* A main task that waits for ever, so that the service is never done. */
	bh_st_rel(&view.a->task_pool.mark, 64);
	bh_st_rel(&view.tasks[1].state, bh_state_make(1, 0, BH_OWNER_NONE, 0, BH_WAITING));
	if (getenv("FAKE_INIT_ERROR") ||
	    (getenv("FAKE_BROKEN") && !access(getenv("FAKE_BROKEN"), F_OK))) {
		ready.ready.result = -EIO;
		strcpy(ready.ready.why, "init said no");
	}
	bh_st_rel(&view.a->start, BH_START_INIT);
	if (getenv("FAKE_INIT_MS") &&
	    (!getenv("FAKE_INIT_OF") || !strcmp(getenv("FAKE_INIT_OF"), service->name)))
		usleep((useconds_t)atoi(getenv("FAKE_INIT_MS")) * 1000);
	answer(&ready, -1);
	serve();
	return 0;
}
