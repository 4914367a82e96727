/* SPDX-License-Identifier: MIT */
/*
 * traced.c: bulkhead-traced, the process that watches the workers from the Linux
 * kernel's side. It is started by Bulkhead's kernel with a control socket and the
 * board; it writes nothing but its own page.
 *
 * Where BPF is not to be had it says why, once, and stays: to end would only make
 * the kernel start it again and again. When it dies the probe goes with it, the
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
#include <sys/socket.h>
#include <sys/stat.h>

#include "follow.h"
#include "ipc/control.h"
#include "page.h"
#include "privilege.h"

#define REFRESH_MS      100
#define IDLE_REFRESH_MS 1000 /* nothing to refresh; only the kernel is watched */

enum {
	EXIT_NO = 1,
	EXIT_USAGE = 100,
	EXIT_SYSTEM = 111,
};

_Static_assert(BH_WAKE_REASON_BYTES <= sizeof(((struct bh_ctl *)0)->text), "a reason fits");
_Static_assert(BH_WAKE_REASON_BYTES <= sizeof(((struct bh_trace_page *)0)->reason),
	       "a reason fits");

/* libc looks for it by name. */
__attribute__((visibility("default"))) const char *argp_program_version =
	"bulkhead-traced " BH_VERSION;

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
	if (b->magic == BH_BOARD_MAGIC && b->format == BH_BOARD_FORMAT && b->bytes == sizeof(*b))
		return b;
	munmap(p, sizeof(*b));
	return NULL;
}

static int send_page(const struct bh_trace_page *page, int page_fd)
{
	struct bh_ctl ctl = { .op = BH_CTL_TRACE_PAGE, .value = page->error };
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

	snprintf(ctl.text, sizeof(ctl.text), "%.*s", BH_WAKE_REASON_BYTES - 1, page->reason);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &page_fd, sizeof(int));
	return sendmsg(BH_CTL_FD, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Waits for the next refresh; false when nobody is at the other end any more.
 * What the kernel sends is for others of its children: it is dropped, descriptors
 * too, since no room is given for them. */
static bool wait_refresh(int timeout_ms)
{
	struct pollfd p = { .fd = BH_CTL_FD, .events = POLLIN };
	char packet[sizeof(struct bh_ctl)];

	if (poll(&p, 1, timeout_ms) <= 0)
		return true;
	ssize_t n = recv(BH_CTL_FD, packet, sizeof(packet), MSG_DONTWAIT);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static int serve(struct bh_follow *f, int page_fd)
{
	uint32_t kernel = f->board->kernel_restarts;
	int err = send_page(f->page, page_fd);

	do {
		/* A kernel that replaced another knows nothing of the page. */
		uint32_t now = __atomic_load_n(&f->board->kernel_restarts, __ATOMIC_RELAXED);
		if (now != kernel || err == -EAGAIN) {
			kernel = now;
			err = send_page(f->page, page_fd);
		}
		if (f->wake) {
			bh_follow_workers(f);
			bh_follow_publish(f);
		}
	} while (wait_refresh(f->wake ? REFRESH_MS : IDLE_REFRESH_MS));
	bh_wake_stop(f->wake);
	return 0;
}

static int run(void)
{
	static struct bh_follow f;
	int page_fd;

	f.board = map_board();
	if (!f.board) {
		fprintf(stderr,
			"bulkhead-traced: descriptor %d is not the board of this version: "
			"it is bulkhead-kernel that starts this program; "
			"try bulkhead-traced --probe\n",
			BH_BOARD_FD);
		return EXIT_USAGE;
	}
	int err = bh_page_create(&f.page, &page_fd);
	if (err)
		return system_failure("cannot create the page of histograms", err);
	f.page->error = bh_wake_start(&f.wake, f.page->reason);
	err = f.wake ? bh_wake_shed(f.wake) : bh_privilege_set(0, 0);
	if (err)
		return system_failure("cannot give up capabilities", err);
	return serve(&f, page_fd);
}

static int probe(void)
{
	struct bh_wake *wake = NULL;
	char why[BH_WAKE_REASON_BYTES];

	if (bh_wake_start(&wake, why) < 0) {
		printf("BPF does not work: %s\n", why);
		return EXIT_NO;
	}
	bh_wake_stop(wake);
	printf("BPF works: the wake-ups of workers can be measured\n");
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
		.doc = "Measures how long Bulkhead's workers wait for a CPU after they were woken.\v"
		       "bulkhead-kernel starts it as part of a system (`trace: true` in the "
		       "configuration); `bhctl trace latency` shows what it measured. By hand it is "
		       "of use with --probe alone.",
	};
	bool probe_only = false;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &probe_only);
	int err = bh_privilege_keep(BH_CAPS_TRACING);
	if (err)
		return system_failure("cannot give up capabilities", err);
	return probe_only ? probe() : run();
}
