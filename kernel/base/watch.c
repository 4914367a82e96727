/* SPDX-License-Identifier: MIT */
/* watch.c: see watch.h. */
#include "kernel/base/watch.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

int bh_watch(struct bh_kernel *k, int fd, enum bh_source source, uint32_t index)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = (uint64_t)source << 32 | index };

	/* Who is dead stays dead, and readable: a kernel that waits for the guardian to
	 * say how it died would turn and turn, perhaps on the very CPU that the guardian
	 * needs. Once is enough: `gone` keeps it, and adding the descriptor again, as a
	 * successor does, tells it again. */
	if (source == BH_SRC_PIDFD)
		e.events |= EPOLLET;
	if (!epoll_ctl(k->epfd, EPOLL_CTL_ADD, fd, &e))
		return 0;
	return errno == EEXIST && !epoll_ctl(k->epfd, EPOLL_CTL_MOD, fd, &e) ? 0 : -errno;
}

void bh_unwatch(struct bh_kernel *k, int fd)
{
	epoll_ctl(k->epfd, EPOLL_CTL_DEL, fd, NULL);
}

void bh_drop_fd(struct bh_kernel *k, int fd)
{
	if (fd < 0)
		return;
	bh_unwatch(k, fd);
	close(fd);
}

void bh_drop_named(struct bh_kernel *k, uint32_t *word)
{
	int fd = (int)*word;

	*word = 0;
	bh_compiler_barrier();
	if (fd > 0)
		bh_drop_fd(k, fd);
}
