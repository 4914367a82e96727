/* SPDX-License-Identifier: MIT */
#include "ipc/base/out.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

enum {
	AGAIN_US = 10000, /* the timer's signal may come before the write, and comes again */
};

enum how {
	GUARDED, /* by a timer */
	PLAIN,   /* as it is: has no reader to wait for */
	SOCKET,
	OWN, /* opened a second time */
};

static struct {
	enum how how;
	int own;
} out[STDERR_FILENO + 1] = { [STDOUT_FILENO] = { .own = -1 }, [STDERR_FILENO] = { .own = -1 } };

static void interrupt(int sig)
{
	(void)sig;
}

static int open_again(int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static void look_at(int fd)
{
	struct stat st;

	out[fd].own = -1;
	out[fd].how = PLAIN;
	if (fstat(fd, &st))
		return;
	if (S_ISSOCK(st.st_mode))
		out[fd].how = SOCKET;
	else if (S_ISFIFO(st.st_mode) || (S_ISCHR(st.st_mode) && isatty(fd)))
		out[fd].how = (out[fd].own = open_again(fd)) >= 0 ? OWN : GUARDED;
}

void bh_out_open(void)
{
	struct sigaction alarm = { .sa_handler = interrupt };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTTOU);
	sigaddset(&set, SIGTTIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGALRM, &alarm, NULL);
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow: the line is lost */
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	look_at(STDOUT_FILENO);
	look_at(STDERR_FILENO);
}

/* There is room, as far as can be seen: others may fill it before the write. */
static ssize_t write_guarded(int fd, const char *text, size_t n)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	struct itimerval on = { { 0, AGAIN_US }, { 0, AGAIN_US } }, off = { 0 };

	if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT))
		return -1;
	setitimer(ITIMER_REAL, &on, NULL);
	ssize_t w = write(fd, text, n);
	setitimer(ITIMER_REAL, &off, NULL);
	return w;
}

bool bh_out(int fd, const char *text, size_t n)
{
	ssize_t w = -1;

	switch (out[fd].how) {
	case PLAIN:
		w = write(fd, text, n);
		break;
	case SOCKET:
		w = send(fd, text, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case OWN:
		w = write(out[fd].own, text, n);
		break;
	case GUARDED:
		w = write_guarded(fd, text, n);
		break;
	}
	return w == (ssize_t)n;
}

bool bh_outf(int fd, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(text)) {
		n = sizeof(text) - 1;
		text[n - 1] = '\n';
	}
	return n > 0 && bh_out(fd, text, (size_t)n);
}

bool bh_out_has(int fd)
{
	return fd >= 0 && (fd == out[STDOUT_FILENO].own || fd == out[STDERR_FILENO].own);
}

void bh_out_child(bool lend)
{
	if (lend && out[STDERR_FILENO].how == OWN)
		dup2(out[STDERR_FILENO].own, STDERR_FILENO);
	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
		if (out[fd].how == OWN)
			out[fd].how = GUARDED;
}
