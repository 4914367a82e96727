/* SPDX-License-Identifier: MIT */
#include "tools/admind/system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Checks the size: reading a mapping beyond the file's end is SIGBUS. */
static const void *map(int fd, size_t bytes, int *err)
{
	struct stat st;

	*err = 0;
	if (fstat(fd, &st))
		*err = -errno;
	else if (st.st_size < (off_t)bytes)
		*err = -EBADMSG;
	if (*err)
		return NULL;
	void *p = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED)
		return p;
	*err = -errno;
	return NULL;
}

int bh_system_open(struct bh_system *s, int board_fd, int plan_fd)
{
	struct stat st;
	int err;

	memset(s, 0, sizeof(*s));
	s->plan = map(plan_fd, sizeof(*s->plan), &err);
	if (err && err != -EBADF)
		return err;
	if (s->plan && (s->plan->magic != BH_PLAN_MAGIC || s->plan->format != bh_format ||
			s->plan->bytes != sizeof(*s->plan)))
		return -EBADMSG;
	s->board = map(board_fd, sizeof(*s->board), &err);
	if (err)
		return err;
	if (s->board->magic != BH_BOARD_MAGIC || s->board->format != bh_format)
		return -EBADMSG;
	/* The kernel made it, so it is of the kernel's user. */
	if (fstat(board_fd, &st))
		return -errno;
	s->owner = st.st_uid;
	return 0;
}

uint32_t bh_system_services(const struct bh_system *s)
{
	uint32_t n = s->board->n_services;

	return n < BH_PLAN_SERVICES ? n : BH_PLAN_SERVICES;
}

const struct bh_view *bh_system_arena(const struct bh_system *s, uint32_t i)
{
	return i < BH_PLAN_SERVICES && s->arena[i].a ? &s->arena[i] : NULL;
}

uint64_t bh_system_held(const struct bh_system *s, uint32_t i)
{
	struct stat st;

	return s->arena_fd[i] > 0 && !fstat(s->arena_fd[i], &st) ? (uint64_t)st.st_blocks * 512 : 0;
}

/* A file that may shrink would be a SIGBUS to read. */
static bool sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & F_SEAL_SHRINK);
}

/* Every new kernel sends the arenas again: this one may be mapped already. */
static void take_arena(struct bh_system *s, uint32_t i, int fd)
{
	struct bh_layout l;
	struct bh_view v = { 0 };

	if (!s->plan || i >= s->plan->n_services || i >= BH_PLAN_SERVICES)
		return;
	bh_layout_from_plan(&l, &s->plan->services[i]);
	int err = sealed(fd) ? bh_view_map(&v, &l, fd, NULL, false) : -EBADMSG;
	if (err) {
		fprintf(stderr, "bulkhead-admind: cannot map the memory of service %s: %s\n",
			s->plan->services[i].name, strerror(-err));
		return;
	}
	bh_view_unmap(&s->arena[i]);
	s->arena[i] = v;
	if (s->arena_fd[i] > 0)
		close(s->arena_fd[i]);
	s->arena_fd[i] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static void take_trace(struct bh_system *s, int fd)
{
	int err = -EBADMSG;
	const struct bh_trace_page *page = sealed(fd) ? map(fd, BH_TRACE_BYTES, &err) : NULL;

	if (!page || page->magic != BH_TRACE_MAGIC) {
		fprintf(stderr, "bulkhead-admind: cannot map the trace page: %s\n",
			strerror(err ? -err : EBADMSG));
		if (page)
			munmap((void *)(uintptr_t)page, BH_TRACE_BYTES);
		return;
	}
	if (s->trace)
		munmap((void *)(uintptr_t)s->trace, BH_TRACE_BYTES);
	s->trace = page;
}

void bh_system_message(struct bh_system *s, const struct bh_ctl *m, int fd)
{
	if (fd < 0)
		return;
	if (m->op == BH_CTL_ARENA)
		take_arena(s, m->arena.service, fd);
	else if (m->op == BH_CTL_TRACE)
		take_trace(s, fd);
	close(fd);
}
