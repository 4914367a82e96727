/* SPDX-License-Identifier: MIT */
/*
 * bulkhead-admind: answers the requests of bhctl. Started by the kernel, which hands it
 * the plan, its end of a control socket, and the board; arenas and traced's page
 * come over the socket.
 *
 * The process can change nothing: all its mappings are through read-only
 * descriptors, and to stop the system it asks the kernel. It has no state that
 * its successor would miss, so it may die at any moment.
 */
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc/base/refused.h"
#include "tools/admind/server.h"
#include "tools/admind/system.h"

enum {
	FAILED = 111
};

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "bulkhead-admind: %s: %s\n", what, why);
	return FAILED;
}

/* A terminal or an init system signals all processes of the system at once: the kernel
 * carries the signal out, so admind ignores it. */
static int settle(void)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ };

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
}

/* admind is root only if making the socket in its directory needs root: the plan says so. A
 * root without the capability to change its user has no privileges to give up. */
static int become_nobody(void)
{
	const struct passwd *p = geteuid() ? NULL : getpwnam("nobody");

	if (geteuid())
		return 0;
	if (!p || !p->pw_uid)
		return -ENOENT;
	if (!setgroups(0, NULL) && !setgid(p->pw_gid) && !setuid(p->pw_uid))
		return 0;
	return bh_refused(errno) || errno == EINVAL ? 0 : -errno;
}

/* One message: 1; none: -EAGAIN; the kernel has closed its end: 0. */
static ssize_t receive(struct bh_ctl *m, int *fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} c;
	struct iovec iov = { .iov_base = m, .iov_len = sizeof(*m) };
	struct msghdr h = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)
	};
	ssize_t n = recvmsg(BH_CTL_FD, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *got = n > 0 ? CMSG_FIRSTHDR(&h) : NULL;

	*fd = -1;
	if (got && got->cmsg_level == SOL_SOCKET && got->cmsg_type == SCM_RIGHTS &&
	    got->cmsg_len >= CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(got), sizeof(*fd));
	return n < 0 ? -errno : n == sizeof(*m) ? 1 : n == 0 ? 0 : -EBADMSG;
}

/* False: the system has ended. A kernel that was killed closes nothing: its end
 * is the guardian's too. */
static bool hear(struct bh_system *s)
{
	struct bh_ctl m;
	ssize_t n;
	int fd;

	while ((n = receive(&m, &fd)) > 0)
		bh_system_message(s, &m, fd);
	if (fd >= 0)
		close(fd);
	return n == -EAGAIN || n == -EINTR || n == -EBADMSG;
}

static int hello(void)
{
	struct bh_ctl m = { .op = BH_CTL_HELLO };

	return send(BH_CTL_FD, &m, sizeof(m), MSG_NOSIGNAL) == sizeof(m) ? 0 : -errno;
}

static int serve(struct bh_system *s, struct bh_server *server)
{
	struct pollfd on[1 + BH_SERVER_WATCH] = { { .fd = BH_CTL_FD, .events = POLLIN } };

	for (;;) {
		bh_server_watch(server, on + 1);
		if (poll(on, 1 + BH_SERVER_WATCH, -1) < 0) {
			if (errno == EINTR)
				continue;
			return fail("cannot wait for requests", strerror(errno));
		}
		if (on[0].revents && !hear(s))
			return 0;
		bh_server_serve(server, on + 1, s, BH_CTL_FD);
	}
}

int main(void)
{
	static struct bh_server server;
	struct bh_system s;
	char url[sizeof(s.board->admin_url) + 1] = "";
	int err = bh_system_open(&s, BH_BOARD_FD, BH_PLAN_FD);

	/* Older systems name a process that is executed by descriptor after that. */
	prctl(PR_SET_NAME, program_invocation_short_name);

	if (err == -EBADMSG)
		return fail("cannot start", "it and bulkhead-kernel are of different builds; "
					    "install both from one");
	if (err)
		return fail("this is started by bulkhead-kernel, with a board and a plan; these "
			    "are not here",
			    strerror(-err));
	err = settle();
	if (err)
		return fail("cannot start", strerror(-err));
	memcpy(url, s.board->admin_url, sizeof(s.board->admin_url));
	err = bh_server_open(&server, url);
	if (err) {
		fprintf(stderr, "bulkhead-admind: cannot listen on %s: %s\n", url, strerror(-err));
		return FAILED;
	}
	err = become_nobody();
	if (err)
		return fail("cannot give up root", strerror(-err));
	err = hello();
	if (err)
		return fail("cannot reach the kernel", strerror(-err));
	err = serve(&s, &server);
	bh_server_close(&server);
	return err;
}
