/* SPDX-License-Identifier: MIT */
/*
 * traced.c: bulkhead-traced, the process that watches the workers from the Linux
 * kernel's side. It is started by Bulkhead's kernel with a control socket and the
 * board; it writes nothing but its own page.
 *
 * Where BPF is not available traced says why, once, and stays: if it ended, the kernel
 * would start it again and again. When traced dies its probes go with it, the
 * workers notice nothing, and its successor counts from zero on a new page.
 */
#include <argp.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bpf/follow/arenas.h"
#include "bpf/follow/clock.h"
#include "bpf/follow/follow.h"
#include "bpf/load/privilege.h"
#include "bpf/publish/events.h"
#include "bpf/publish/page.h"
#include "ipc/system/control.h"

#define REFRESH_MS      100
#define DRAIN_MS        5    /* while events are recorded: a hundredth of what there is room for */
#define IDLE_REFRESH_MS 1000 /* nothing to refresh; only the kernel is watched */

enum {
	EXIT_NO = 1,
	EXIT_USAGE = 100,
	EXIT_SYSTEM = 111,
};

_Static_assert(BH_TRACE_TEXT <= BH_CTL_WHY, "a reason fits");

/* libc looks for it by name. */
__attribute__((visibility("default"))) const char *argp_program_version =
	"bulkhead-traced " BH_VERSION;

struct tracer {
	struct bh_follow follow;
	struct bh_arenas arenas;
	struct bh_events events;
	bool recording;
	int64_t next_ms;  /* when the page is due */
	int64_t round_ns; /* when the last round began */
};

static int system_failure(const char *what, int err)
{
	fprintf(stderr, "bulkhead-traced: %s: %s\n", what, strerror(-err));
	return EXIT_SYSTEM;
}

static const struct bh_board *map_board(void)
{
	struct stat st;

	if (fstat(BH_BOARD_FD, &st) < 0 || st.st_size < (off_t)sizeof(struct bh_board))
		return NULL;
	void *p = mmap(NULL, sizeof(struct bh_board), PROT_READ, MAP_SHARED, BH_BOARD_FD, 0);
	if (p == MAP_FAILED)
		return NULL;
	const struct bh_board *b = p;
	if (b->magic == BH_BOARD_MAGIC && b->format == bh_format && b->bytes == sizeof(*b))
		return b;
	munmap(p, sizeof(*b));
	return NULL;
}

/* The status reported for the tracer: the first part that failed, else the first part. */
static const struct bh_trace_status *first_failure(const struct bh_trace_page *page)
{
	for (int i = 0; i < BH_TRACE_PARTS; i++)
		if (page->part[i].error)
			return &page->part[i];
	return &page->part[0];
}

static int send_page(const struct bh_trace_page *page, int page_fd)
{
	const struct bh_trace_status *first = first_failure(page);
	struct bh_ctl ctl = { .op = BH_CTL_TRACE_PAGE, .trace_page.error = first->error };
	struct iovec iov = { &ctl, sizeof(ctl) };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	snprintf(ctl.trace_page.why, sizeof(ctl.trace_page.why), "%.*s", BH_TRACE_TEXT - 1,
		 first->reason);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &page_fd, sizeof(int));
	return sendmsg(BH_CTL_FD, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* A message of the kernel; false when the kernel has closed its end. Messages other than
 * arenas are for other children of the kernel, and are dropped. */
static bool take_message(struct tracer *t)
{
	struct bh_ctl m;
	struct iovec iov = { &m, sizeof(m) };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };
	struct bh_probe_service where;
	int fd = -1;

	ssize_t n = recvmsg(BH_CTL_FD, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	const struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	if (fd >= 0 && n == sizeof(m) && m.op == BH_CTL_ARENA &&
	    bh_arenas_take(&t->arenas, m.arena.service, fd, &where))
		bh_follow_arena(&t->follow, m.arena.service, &where);
	if (fd >= 0)
		close(fd);
	return true;
}

/* Waits for the next round, or for a message. */
static bool wait_round(struct tracer *t)
{
	struct pollfd p = { .fd = BH_CTL_FD, .events = POLLIN };
	int ms = !t->follow.probes ? IDLE_REFRESH_MS : t->recording ? DRAIN_MS : REFRESH_MS;

	return poll(&p, 1, ms) <= 0 || take_message(t);
}

static int64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

/* The events at every round, the rest when it is time. */
static void look(struct tracer *t)
{
	struct bh_probes *p = t->follow.probes;
	bool record = bh_arenas_recording(&t->arenas);
	int64_t now = clock_ns();

	bh_probes_drain(p, bh_events_take, &t->events);
	/* An event that a program on another CPU was writing during the drain is taken by
	 * the next drain: so only events before the previous round are certain. */
	__atomic_store_n(&t->follow.page->drained_ns, (uint64_t)t->round_ns, __ATOMIC_RELEASE);
	t->round_ns = now;
	if (record != t->recording) {
		t->recording = record;
		t->follow.page->recording = record;
		bh_probes_record(p, record);
	}
	if (now / 1000000 < t->next_ms)
		return;
	t->next_ms = now / 1000000 + REFRESH_MS;
	bh_follow_workers(&t->follow);
	bh_follow_publish(&t->follow);
}

static int serve(struct tracer *t, int page_fd)
{
	const struct bh_follow *f = &t->follow;
	uint32_t kernel = f->board->kernel_restarts;
	int err = send_page(f->page, page_fd);

	do {
		/* A kernel that replaced another knows nothing of the page. */
		uint32_t now = __atomic_load_n(&f->board->kernel_restarts, __ATOMIC_RELAXED);
		if (now != kernel || err == -EAGAIN) {
			kernel = now;
			err = send_page(f->page, page_fd);
		}
		if (f->probes)
			look(t);
	} while (wait_round(t));
	bh_probes_stop(f->probes);
	return 0;
}

static int run(void)
{
	static struct tracer t;
	struct bh_follow *f = &t.follow;
	int page_fd;

	f->board = map_board();
	if (!f->board) {
		fprintf(stderr,
			"bulkhead-traced: descriptor %d is no board of this build: it is "
			"bulkhead-kernel of the same build that starts this program; "
			"try bulkhead-traced --probe\n",
			BH_BOARD_FD);
		return EXIT_USAGE;
	}
	int err = bh_page_create(&f->page, &page_fd);
	if (err)
		return system_failure("cannot create the page of histograms", err);
	t.events.rings = bh_trace_rings(f->page);
	t.events.clock_offset_ns = bh_clock_offset_ns();
	bh_arenas_open(&t.arenas);
	err = bh_probes_start(&f->probes, f->page->part);
	if (err)
		f->probes = NULL;
	err = f->probes ? bh_probes_shed(f->probes) : bh_privilege_set(0, 0);
	if (err)
		return system_failure("cannot give up capabilities", err);
	return serve(&t, page_fd);
}

static int probe(void)
{
	static const char *const parts[BH_TRACE_PARTS] = { "the scheduler", "crashes", "profiles" };
	struct bh_trace_status status[BH_TRACE_PARTS] = { 0 };
	struct bh_probes *probes = NULL;

	if (bh_probes_start(&probes, status) < 0) {
		printf("BPF does not work: %s\n", status[0].reason);
		return EXIT_NO;
	}
	bh_probes_stop(probes);
	printf("BPF works: the wake-ups of workers can be measured\n");
	for (int i = 0; i < BH_TRACE_PARTS; i++)
		if (status[i].error)
			printf("but not for %s: %s\n", parts[i], status[i].reason);
	return 0;
}

static const struct argp_option options[] = {
	{ "probe", 'p', NULL, 0, "Say whether BPF works here and what is missing; exit 0 or 1", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	if (key != 'p')
		return ARGP_ERR_UNKNOWN;
	*(bool *)state->input = true;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Watches Bulkhead's workers from the Linux kernel's side: how long they "
		       "wait for a CPU, what they do, how they die.\v"
		       "bulkhead-kernel starts it as part of a system (`trace: true` in the "
		       "configuration); `bhctl trace latency` shows what it measured. By hand it is "
		       "of use with --probe alone.",
	};
	bool probe_only = false;

	/* Older systems name a process that is executed by descriptor after that. */
	prctl(PR_SET_NAME, program_invocation_short_name);
	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &probe_only);
	int err = bh_privilege_keep(BH_CAPS_TRACING);
	if (err)
		return system_failure("cannot give up capabilities", err);
	return probe_only ? probe() : run();
}
