/* SPDX-License-Identifier: MIT */
/* wire.c: see wire.h. */
#include "kernel/process/wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

union fd_room {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(sizeof(int))];
};

int bh_ctl_send(int ctl, const struct bh_ctl *m, int fd)
{
	struct iovec iov = { (void *)(uintptr_t)m, sizeof(*m) };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	union fd_room room = { 0 };

	if (ctl < 0)
		return -EBADF;
	if (fd >= 0) {
		h.msg_control = &room;
		h.msg_controllen = sizeof(room);
		room.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
					      .cmsg_level = SOL_SOCKET,
					      .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&room.head), &fd, sizeof(fd));
	}
	return sendmsg(ctl, &h, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int bh_ctl_peek(int ctl, struct bh_ctl *m, int *fd)
{
	struct iovec iov = { m, sizeof(*m) };
	union fd_room room;
	struct msghdr h = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &room,
			    .msg_controllen = sizeof(room) };
	ssize_t n = recvmsg(ctl, &h, MSG_DONTWAIT | MSG_PEEK | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c;

	*fd = -1;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -EPIPE;
	for (c = CMSG_FIRSTHDR(&h); c; c = CMSG_NXTHDR(&h, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
		    c->cmsg_len == CMSG_LEN(sizeof(int)))
			memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	if (n != sizeof(*m))
		m->op = 0; /* not one of ours: taken off and forgotten */
	m->ready.why[BH_CTL_WHY - 1] = '\0';
	return 1;
}
