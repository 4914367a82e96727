/* SPDX-License-Identifier: MIT */
/*
 * main.c: bulkhead-kernel: from the launcher's plan to the guardian.
 *
 * This process becomes the guardian. The plan, the board and the descriptors
 * made here are what every kernel it starts begins with.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ipc/base/close_from.h"
#include "ipc/base/out.h"
#include "kernel/base/clock.h"
#include "kernel/guardian/guardian.h"
#include "kernel/process/images.h"
#include "kernel/process/lifeline.h"
#include "kernel/system/loop.h"

static int complain(const char *what, int err)
{
	bh_outf(STDERR_FILENO, "bulkhead: %s: %s\n", what, strerror(err));
	return 111;
}

static bool ends(const char *text, size_t size)
{
	return memchr(text, 0, size) != NULL;
}

static bool service_is_sound(const struct bh_plan_service *s)
{
	if (!ends(s->name, sizeof(s->name)) || !ends(s->module, sizeof(s->module)) ||
	    !ends(s->host, sizeof(s->host)) || !s->workers || bh_plan_slots(s) > BH_MAX_WORKERS ||
	    s->n_listen > BH_PLAN_LISTEN || s->n_options > BH_PLAN_OPTIONS ||
	    s->user.n_groups > BH_PLAN_GROUPS || !ends(s->user.name, sizeof(s->user.name)) ||
	    !ends(s->user.home, sizeof(s->user.home)) ||
	    !ends(s->user.shell, sizeof(s->user.shell)))
		return false;
	for (uint32_t i = 0; i < s->n_listen; i++)
		if (!ends(s->listen[i].actual, sizeof(s->listen[i].actual)) || s->listen[i].fd < 0)
			return false;
	return true;
}

/* What the launcher makes is right; what somebody else puts on descriptor 3 must
 * not be able to lead anywhere. */
static const char *plan_fault(const struct bh_plan *p)
{
	if (p->magic != BH_PLAN_MAGIC || p->format != bh_format || p->bytes != sizeof(*p))
		return "`bulkhead' and bulkhead-kernel are of different builds; install both from one";
	if (!p->n_services || p->n_services > BH_PLAN_SERVICES)
		return "it names no service, or too many";
	if (!ends(p->admin_url, sizeof(p->admin_url)) || !ends(p->libexec, sizeof(p->libexec)) ||
	    !ends(p->rundir, sizeof(p->rundir)))
		return "a text in it does not end";
	for (uint32_t i = 0; i < p->n_services; i++)
		if (!service_is_sound(&p->services[i]))
			return "a service in it is not sound";
	return NULL;
}

static const struct bh_plan *map_plan(void)
{
	struct stat st;
	void *p;

	if (fstat(BH_PLAN_FD, &st) || st.st_size < (off_t)sizeof(struct bh_plan))
		return NULL;
	p = mmap(NULL, sizeof(struct bh_plan), PROT_READ, MAP_SHARED, BH_PLAN_FD, 0);
	return p == MAP_FAILED ? NULL : p;
}

static int64_t clock_now(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * BH_NS_PER_S + ts.tv_nsec;
}

static struct bh_board *make_board(const struct bh_plan *plan, int *out_fd)
{
	int fd = memfd_create("bulkhead-board", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct bh_board *b;

	/* 0600: servers that run as somebody else cannot open it for writing. */
	if (fd < 0 || fchmod(fd, 0600) || ftruncate(fd, sizeof(*b)))
		return NULL;
	b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (b == MAP_FAILED)
		return NULL;
	/* Kernels inherit this mapping; nobody makes another writable one. */
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL))
		return NULL;
	b->magic = BH_BOARD_MAGIC;
	b->format = bh_format;
	b->bytes = sizeof(*b);
	snprintf(b->version, sizeof(b->version), "%s", BH_VERSION);
	b->guardian_pid = getpid();
	b->started_ns = clock_now(CLOCK_MONOTONIC);
	b->started_wall_ns = clock_now(CLOCK_REALTIME);
	memcpy(b->admin_url, plan->admin_url, sizeof(b->admin_url));
	*out_fd = fd;
	return b;
}

static bool is_planned(const struct bh_plan *plan, int fd)
{
	for (uint32_t i = 0; i < plan->n_services; i++)
		for (uint32_t j = 0; j < plan->services[i].n_listen; j++)
			if (plan->services[i].listen[j].fd == fd)
				return true;
	return fd <= BH_PLAN_FD || fd == plan->lock_fd;
}

/* Closes what the launcher left open by accident: from here on a descriptor that
 * the board does not name was a dead kernel's. The rest is kept from children. */
static void tidy_fds(const struct bh_plan *plan)
{
	int top = plan->lock_fd > BH_PLAN_FD ? plan->lock_fd : BH_PLAN_FD;

	for (uint32_t i = 0; i < plan->n_services; i++)
		for (uint32_t j = 0; j < plan->services[i].n_listen; j++)
			if (plan->services[i].listen[j].fd > top)
				top = plan->services[i].listen[j].fd;
	for (int fd = BH_PLAN_FD; fd <= top; fd++) {
		if (!is_planned(plan, fd))
			close(fd);
		else
			fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
	bh_close_from(top + 1);
}

/* The last thing a system does, by which its end is known. Only what is its own goes: one
 * that failed to start because another one has the socket leaves that alone, and so does
 * one that another one has followed already. */
static void clean_up(const struct bh_boot *boot)
{
	const char *path = boot->plan->admin_url + strlen("ipc://");
	struct stat st;

	if (boot->board->admin_served && !lstat(path, &st) && st.st_ino == boot->board->admin_ino)
		unlink(path);
	bh_plan_remove_files(boot->plan);
	if (boot->plan->rundir[0])
		rmdir(boot->plan->rundir);
}

/* Nobody here reads what may be a terminal, or another program's output, and nor do the
 * services: whatever comes that way is not theirs. */
static void leave_stdin(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (fd > STDERR_FILENO) {
		dup2(fd, STDIN_FILENO);
		close(fd);
	}
}

int main(int argc, char **argv)
{
	struct bh_boot boot = { 0 };
	const char *fault;

	if (argc > 1 && !strcmp(argv[1], "--version")) {
		printf("bulkhead-kernel %s\n", BH_VERSION);
		return 0;
	}
	boot.plan = map_plan();
	if (!boot.plan) {
		dprintf(STDERR_FILENO, "bulkhead-kernel: is started by `bulkhead run`, which hands "
				       "it a plan; use that\n");
		return 100;
	}
	fault = plan_fault(boot.plan);
	if (fault) {
		dprintf(STDERR_FILENO,
			"bulkhead-kernel: the plan on descriptor %d is of no use: "
			"%s\n",
			BH_PLAN_FD, fault);
		return 100;
	}
	tidy_fds(boot.plan);
	bh_out_open();
	leave_stdin();
	boot.board = make_board(boot.plan, &boot.board_fd);
	if (!boot.board)
		return complain("cannot make the system board", errno);
	boot.death_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (boot.death_fd < 0)
		return complain("cannot make the guardian's doorbell", errno);
	bh_images_hold(&boot.images, boot.plan);
	int lifeline[2], err = bh_lifeline_make(lifeline);
	if (err)
		return complain("cannot make the system's lifeline", -err);
	boot.lifeline = lifeline[0];
	boot.lifeline_end = lifeline[1];
	int code = bh_guardian_run(boot.board, boot.death_fd, bh_kernel_main, &boot);
	clean_up(&boot);
	return code;
}
