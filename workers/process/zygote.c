/* SPDX-License-Identifier: MIT */
/*
 * zygote.c: the process of a service that has its code loaded and does nothing
 * but fork workers from that image, and close what dead tasks left open.
 *
 * It shares one descriptor table with its workers and with its twin, so it can
 * close a connection that a dead worker held. It runs no task and serves nobody
 * but the kernel, one request at a time; every request is safe to carry out twice
 * (ipc/system/control.h), so a twin that takes over may be asked again.
 */
#include "workers/process/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "ipc/base/clone.h"
#include "ipc/system/control.h"
#include "workers/base/rt.h"
#include "workers/base/symbols.h"
#include "workers/crash/dump.h"
#include "workers/crash/fork.h"
#include "workers/crash/lines.h"
#include "workers/crash/signals.h"
#include "workers/executor/blocking.h"
#include "workers/executor/executor.h"
#include "workers/libc/atfork.h"
#include "workers/libc/next.h"
#include "workers/libc/reclocks.h"
#include "workers/owned/files.h"
#include "workers/process/fdaudit.h"
#include "workers/process/random.h"
#include "workers/process/threads.h"
#include "workers/strict/strict.h"
#include "workers/task/main_task.h"
#include "workers/wait/exception.h"

static int ctl_fd = BH_CTL_FD;
static int *tid_word; /* where the C library keeps the thread's id; NULL: not known */

static int send_msg(const struct bh_ctl *m, int fd)
{
	_Alignas(struct cmsghdr) char space[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)m, .iov_len = sizeof(*m) };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (fd >= 0) {
		h.msg_control = space;
		h.msg_controllen = sizeof(space);
		struct cmsghdr *c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	if (bh_rt.forked)
		return 0; /* the number may be any file's */
	do {
		n = sendmsg(ctl_fd, &h, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* The kernel waits for each answer. Without @fd, which user code may have closed, it asks
 * for another process; from a zygote that can send nothing its death is the answer, and
 * the twin is asked. */
static void answer(const struct bh_ctl *m, int fd)
{
	if (send_msg(m, fd) && (fd < 0 || send_msg(m, -1)))
		_exit(111);
}

/* One request; *fd is the descriptor that came with it, or -1. False: the kernel's
 * end is closed for good. */
static bool recv_msg(struct bh_ctl *m, int *fd)
{
	_Alignas(struct cmsghdr) char space[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { .iov_base = m, .iov_len = sizeof(*m) };
	struct msghdr h;
	ssize_t n;

	do {
		h = (struct msghdr){ .msg_iov = &iov,
				     .msg_iovlen = 1,
				     .msg_control = space,
				     .msg_controllen = sizeof(space) };
		n = recvmsg(ctl_fd, &h, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	*fd = -1;
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&h) : NULL;
	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return n == (ssize_t)sizeof(*m);
}

/* A copy of this process that shares its descriptors and is the guardian's child.
 * Who it is Linux writes to the arena, before it can run: a kill after the clone
 * leaves neither a descriptor nor a process that the next zygote or the kernel
 * cannot find (ipc/base/clones.h). @pid may be NULL. */
static pid_t clone_self(_Atomic int32_t *pidfd, _Atomic int32_t *pid)
{
	struct clone_args a = { .flags = CLONE_FILES | CLONE_PARENT | CLONE_PIDFD,
				.pidfd = (uint64_t)(uintptr_t)pidfd };
	sigset_t before;

	/* CLONE_PARENT takes the parent's exit signal: SIGCHLD to the guardian.
	 * The C library does not see this clone: the id that it keeps is put right
	 * by the system. */
	if (tid_word) {
		a.flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
		a.child_tid = (uint64_t)(uintptr_t)tid_word;
	}
	if (pid) {
		a.flags |= CLONE_PARENT_SETTID;
		a.parent_tid = (uint64_t)(uintptr_t)pid;
	}
	bh_fd_drop_pidfd(pidfd); /* left by a zygote that was killed with it */
	bh_atfork_prepare();
	bh_signals_fork(&before);
	pid_t child = bh_clone(&a);

	if (child) {
		bh_signals_fork_done(&before);
		bh_atfork_parent();
	} else {
		bh_signals_stay();
		bh_random_reseed(); /* first: handlers of the service's have the last word */
		bh_atfork_child();
	}
	return child;
}

/* The table of descriptors is one, but the limit is each process's: what the user's code
 * may open ends before what the zygote needs, so that a worker can be replaced (its
 * pidfd) and a twin made when the service has no descriptor left. */
static void leave_fds(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) || lim.rlim_cur < 2 * BH_ZYGOTE_FDS)
		return;
	lim.rlim_cur -= BH_ZYGOTE_FDS;
	setrlimit(RLIMIT_NOFILE, &lim);
}

static void fork_worker(uint32_t slot, uint32_t epoch)
{
	struct bh_ctl rep = { .op = BH_CTL_FORKED, .forked = { slot, epoch, 0 } };
	_Atomic int32_t *pidfd = &bh_rt.v.a->clones.worker_pidfd;
	char name[32]; /* of which Linux takes 15 */
	pid_t pid = clone_self(pidfd, NULL);

	if (pid == 0) {
		bool blocking = slot >= BH_MAX_WORKERS;

		snprintf(name, sizeof(name), "bh:%.7s:%s%u", bh_rt.plan_service->name,
			 blocking ? "b" : "", slot - (blocking ? BH_MAX_WORKERS : 0));
		prctl(PR_SET_NAME, name);
		leave_fds();
		(blocking ? bh_blocking_run : bh_executor_run)(slot, epoch);
		_exit(0); /* the slot is another incarnation's */
	}
	rep.forked.pid = pid;
	answer(&rep, pid > 0 ? bh_ld_rlx(pidfd) : -1);
	bh_fd_drop_pidfd(pidfd);
}

/* The twin made last is dead, or made for a kernel that does not know of it. It
 * must be gone before its control socket's number can be another's, or it would
 * read from that. (The caller itself may be that twin.) */
static void end_twin(int keep)
{
	struct bh_clones *c = &bh_rt.v.a->clones;
	struct pollfd death = { .fd = bh_ld_rlx(&c->twin_pidfd), .events = POLLIN };
	int ctl = bh_ld_rlx(&c->twin_ctl);

	if (bh_ld_rlx(&c->twin_pid) != getpid() && bh_fd_is_pidfd(death.fd)) {
		syscall(SYS_pidfd_send_signal, death.fd, SIGKILL, NULL, 0);
		while (poll(&death, 1, -1) < 0 && errno == EINTR)
			;
	}
	bh_fd_drop_pidfd(&c->twin_pidfd);
	/* Forgotten first: killed here, the audit finds the socket. */
	bh_st_rlx(&c->twin_ctl, 0);
	bh_compiler_barrier();
	if (ctl != ctl_fd && ctl != keep && bh_file_is_control(ctl))
		bh_sys_close(ctl);
}

/* Asked without a socket: was that one made? The kernel that asked for it is dead,
 * or there was no room here for the descriptor. Requests are carried out in their
 * order, so if it was not, it will not be. */
static void tell_twin(uint32_t epoch)
{
	struct bh_ctl rep = { .op = BH_CTL_TWIN, .twin = { epoch, -ENOENT } };
	struct bh_clones *c = &bh_rt.v.a->clones;

	if (bh_ld_rlx(&c->twin_epoch) == epoch && bh_ld_rlx(&c->twin_pid) > 0)
		rep.twin.pid = bh_ld_rlx(&c->twin_pid);
	answer(&rep, rep.twin.pid > 0 ? bh_ld_rlx(&c->twin_pidfd) : -1);
}

static void fork_twin(uint32_t epoch, int fd)
{
	struct bh_ctl rep = { .op = BH_CTL_TWIN, .twin = { epoch, 0 } };
	struct bh_clones *c = &bh_rt.v.a->clones;
	pid_t pid;

	if (fd < 0) {
		tell_twin(epoch);
		return;
	}
	end_twin(fd);
	bh_st_rel(&c->twin_pid, 0);
	bh_st_rel(&c->twin_epoch, epoch);
	bh_st_rel(&c->twin_ctl, fd);
	pid = clone_self(&c->twin_pidfd, &c->twin_pid);
	if (pid == 0) {
		/* The number stays open in the shared table; it is this process's now. */
		ctl_fd = fd;
		bh_next_find();
		bh_reclocks_forget();
		bh_files_enter();
		return;
	}
	rep.twin.pid = pid;
	answer(&rep, pid > 0 ? bh_ld_rlx(&c->twin_pidfd) : -1);
	if (pid < 0) {
		bh_st_rlx(&c->twin_ctl, 0);
		bh_sys_close(fd);
	}
}

/* A slot's file, or the arena's, by which a worker that closes replaces it (ioslot.c). */
static bool is_of_slot(const struct stat *st, const struct bh_ioslot *s)
{
	struct stat arena;

	return (uint64_t)st->st_ino == bh_ld_rlx(&s->ino) ||
	       (fstat(BH_ARENA_FD, &arena) == 0 && st->st_dev == arena.st_dev &&
		st->st_ino == arena.st_ino);
}

/* Closes what I/O slot @idx names, if it is still the descriptor that it was.
 * Killed between the close and the CAS: the inode tells the next one. */
static void close_io(uint32_t idx, uint32_t gen)
{
	struct bh_ioslot *s = bh_io_at(&bh_rt.v, idx);
	uint64_t closing = BH_IO_CLOSING;
	struct stat st;

	if (!s || bh_ld_acq(&s->owner) != BH_IO_CLOSING || bh_ld_rlx(&s->gen) != gen)
		return;
	int fd = bh_ld_rlx(&s->fd);
	if (fd >= bh_listen_fd(&bh_rt.v.l) && fstat(fd, &st) == 0 && is_of_slot(&st, s)) {
		/* A duplicate of a listener stays registered when it is closed. */
		epoll_ctl(bh_rt_epfd(fd), EPOLL_CTL_DEL, fd, NULL);
		bh_sys_close(fd);
	}
	bh_st_rlx(&s->fd, -1);
	bh_st_rlx(&s->ready[0], 0);
	bh_st_rlx(&s->ready[1], 0);
	if (bh_cas(&s->owner, &closing, 0))
		bh_pool_give_shared(&bh_rt.v.io_pool, idx);
}

/* A predecessor's descriptors and lost sockets. A worker that is stopped inside an
 * accept must not keep others from being forked: the kernel asks again. */
static void audit_fds(void)
{
	struct bh_ctl rep = { .op = BH_CTL_AUDIT_FDS };

	bh_fd_drop_pidfd(&bh_rt.v.a->clones.worker_pidfd);
	bh_fd_close_stale(ctl_fd);
	if (!bh_fd_audit())
		answer(&rep, -1);
}

static _Noreturn void serve(void)
{
	struct bh_ctl m;
	int fd;

	while (recv_msg(&m, &fd)) {
		switch (m.op) {
		case BH_CTL_FORK_WORKER:
			fork_worker(m.fork_worker.slot, m.fork_worker.epoch);
			break;
		case BH_CTL_FORK_TWIN:
			fork_twin(m.fork_twin.epoch, fd);
			fd = -1; /* the twin's */
			break;
		case BH_CTL_CLOSE_IO:
			close_io(m.close_io.io, m.close_io.gen);
			break;
		case BH_CTL_CLOSE_FILES:
			bh_fd_close_lost();
			break;
		case BH_CTL_AUDIT_FDS:
			audit_fds();
			break;
		default:
			break;
		}
		if (fd >= 0)
			bh_sys_close(fd);
	}
	_exit(0);
}

_Noreturn void bh_zygote_fail(int err, const char *fmt, ...)
{
	struct bh_ctl m = { .op = BH_CTL_READY, .ready.result = err ? err : -EINVAL };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(m.ready.why, sizeof(m.ready.why), fmt, ap);
	va_end(ap);
	send_msg(&m, -1);
	fflush(NULL);
	bh_lines_end();
	_exit(111);
}

/* What is executed gets none of this: the descriptors that the kernel gave, up to the
 * lifeline after the listeners, and whose zygote this is. */
static void keep_to_ourselves(void)
{
	struct bh_layout l;

	bh_layout_from_plan(&l, bh_rt.plan_service);
	for (int fd = BH_PLAN_FD; fd <= bh_listen_fd(&l) + (int)bh_rt.plan_service->n_listen; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	unsetenv("BULKHEAD_SERVICE");
}

/* Finds the plan and this service's entry in it, on the descriptors and in the
 * environment that the kernel prepared. */
const struct bh_plan_service *bh_zygote_plan(void)
{
	const char *index = getenv("BULKHEAD_SERVICE");
	void *p = mmap(NULL, sizeof(struct bh_plan), PROT_READ, MAP_SHARED, BH_PLAN_FD, 0);

	if (p == MAP_FAILED)
		bh_zygote_fail(-errno, "the plan cannot be mapped: %s", strerror(errno));
	bh_rt.plan = p;
	unsigned long i = index ? strtoul(index, NULL, 10) : BH_PLAN_SERVICES;
	if (bh_rt.plan->magic != BH_PLAN_MAGIC || bh_rt.plan->format != bh_format ||
	    bh_rt.plan->bytes != sizeof(*bh_rt.plan) || i >= bh_rt.plan->n_services ||
	    i >= BH_PLAN_SERVICES)
		bh_zygote_fail(-EBADMSG,
			       "its program and bulkhead-kernel are of different builds: build it "
			       "anew with this one's runtime");
	bh_rt.plan_service = &bh_rt.plan->services[i];
	/* Older systems name a process that is executed by descriptor after that. */
	prctl(PR_SET_NAME, program_invocation_short_name);
	keep_to_ourselves();
	bh_lines_begin();
	bh_fork_watch();
	return bh_rt.plan_service;
}

int bh_zygote_module_fd(void)
{
	struct bh_layout l;

	bh_layout_from_plan(&l, bh_rt.plan_service);
	/* After the listeners comes the lifeline, and then it. */
	return bh_listen_fd(&l) + (int)bh_rt.plan_service->n_listen + 1;
}

static void on_failed_write(int sig)
{
	(void)sig;
}

/* A write to a peer that is gone is an error, EPIPE, and nothing else; so is one beyond
 * the limit of a file's size, EFBIG. By a handler, for programs that are executed inherit
 * what is ignored, and no handler. */
static void outlive_writes(void)
{
	const struct sigaction sa = { .sa_handler = on_failed_write,
				      .sa_flags = SA_RESTART | SA_ONSTACK };

	sigaction(SIGPIPE, &sa, NULL);
	sigaction(SIGXFSZ, &sa, NULL);
}

static void refuse_threads(void)
{
	unsigned n = bh_threads_left();

	if (n)
		bh_zygote_fail(-EBUSY,
			       "init() left %u thread%s, which workers would not have: start "
			       "threads in tasks or jobs",
			       n, n == 1 ? "" : "s");
}

/* The table of a module that was built with an older header ends earlier. */
static void take_service(const struct bh_service *service)
{
	const size_t oldest = offsetof(struct bh_service, worker_init);
	uint32_t size = service->size;

	if (size > sizeof(*service))
		bh_zygote_fail(
			-EINVAL,
			"bulkhead_service.size is %u, and this Bulkhead knows %zu bytes of it: "
			"the module was built for a newer one",
			size, sizeof(*service));
	if (size < oldest || size % sizeof(void *))
		bh_zygote_fail(-EINVAL,
			       "bulkhead_service.size is %u, not %zu: the module needs .size = "
			       "sizeof(struct bh_service)",
			       size, sizeof(*service));
	memcpy(&bh_rt.service, service, size);
	if (!bh_rt.service.main)
		bh_zygote_fail(-EINVAL, "bulkhead_service.main is NULL: a service needs a main()");
}

static void run_init(void)
{
	int err;

	bh_st_rel(&bh_rt.v.a->start, BH_START_INIT);
	err = bh_rt.service.init ? bh_rt.service.init() : 0;
	if (bh_rt.forked)
		bh_forked_end(err);
	if (err > 0)
		bh_zygote_fail(
			-EINVAL,
			"the service's init() failed: %d (0 or a negative error is expected)", err);
	if (err)
		bh_zygote_fail(err, "the service's init() failed: %d (%s)", err, bh_strerror(err));
}

_Noreturn void bh_zygote_run(const struct bh_service *service)
{
	struct bh_ctl ready = { .op = BH_CTL_READY };
	struct bh_layout l;
	int err;

	if (bh_rt.plan_service->core == BH_CORE_NONE)
		bh_dump_forbid();
	if (bh_rt.forked) /* by what the program does when it is loaded */
		bh_forked_end(0);
	outlive_writes();
	bh_signals_stay();
	if (prctl(PR_GET_TID_ADDRESS, &tid_word))
		tid_word = NULL; /* a system without checkpoint support */
	bh_rt.doorbell = BH_DOORBELL_FD;
	bh_layout_from_plan(&l, bh_rt.plan_service);
	err = bh_view_map(&bh_rt.v, &l, BH_ARENA_FD, (void *)BH_ARENA_BASE, true);
	if (err)
		bh_zygote_fail(err, "the arena cannot be mapped at its address: %s",
			       bh_strerror(err));
	for (uint32_t i = 0; i < l.reactors; i++) {
		bh_rt.epfd[i] = bh_epoll_fd(i);
		bh_rt.v.kick[i] = bh_kick_fd(i);
	}
	bh_next_find();
	bh_files_enter();
	take_service(service);
	bh_symbols_load();
	run_init();
	refuse_threads();
	/* Or each worker would, at its first strftime() or localtime(), open the zone's file
	 * inside of the C library: one that is killed there leaves a descriptor of nobody's. */
	tzset();
	bh_exceptions_find(); /* init() may have loaded more */
	bh_strict_find(service);
	/* Or each worker would print it again, with what it has to say itself. */
	fflush(NULL);
	bh_lines_end();
	err = bh_spawn_main(&bh_rt.service);
	if (err)
		bh_zygote_fail(err, "the service's first task cannot be spawned: %s",
			       bh_strerror(err));
	bh_st_rel(&bh_rt.v.a->start, BH_START_LOADED);
	answer(&ready, -1);
	serve();
}
