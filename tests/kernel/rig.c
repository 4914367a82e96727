/* SPDX-License-Identifier: MIT */
#include "tests/kernel/rig.h"

#include <arpa/inet.h>
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void listen_somewhere(struct bh_plan_listen *l)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);

	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	ck_assert_int_ge(l->fd, 0);
	ck_assert_int_eq(bind(l->fd, (struct sockaddr *)&a, len), 0);
	ck_assert_int_eq(listen(l->fd, 64), 0);
	ck_assert_int_eq(getsockname(l->fd, (struct sockaddr *)&a, &len), 0);
	snprintf(l->actual, sizeof(l->actual), "127.0.0.1:%u", ntohs(a.sin_port));
	strcpy(l->address, "127.0.0.1:0");
}

void rig_init(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	/* What is left of a system whose guardian dies comes to us. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	r->plan_fd = memfd_create("plan", 0);
	ck_assert_int_eq(ftruncate(r->plan_fd, sizeof(*r->plan)), 0);
	r->plan = mmap(NULL, sizeof(*r->plan), PROT_READ | PROT_WRITE, MAP_SHARED, r->plan_fd, 0);
	ck_assert_ptr_ne(r->plan, MAP_FAILED);
	*r->plan = (struct bh_plan){ .magic = BH_PLAN_MAGIC,
				     .format = bh_format,
				     .bytes = sizeof(*r->plan),
				     .grace_ms = 100,
				     .unpriv_uid = UINT32_MAX,
				     .unpriv_gid = UINT32_MAX,
				     .n_services = 1 };
	struct bh_plan_service *s = &r->plan->services[0];
	*s = (struct bh_plan_service){ .name = "fake",
				       .workers = RIG_WORKERS,
				       .user.uid = UINT32_MAX,
				       .user.gid = UINT32_MAX,
				       .max_tasks = 1024,
				       .max_io = 256,
				       .max_memory = 16 << 20,
				       .crash_intensity = 5,
				       .crash_period_ms = 10000,
				       .backoff_min_ms = 10,
				       .backoff_max_ms = 1000,
				       .restart_intensity = 3,
				       .restart_period_ms = 5000,
				       .n_listen = 1 };
	snprintf(s->host, sizeof(s->host), "%s", RIG_HOST);
	listen_somewhere(&s->listen[0]);
}

/* -1: it has none of that name. */
static int find_memfd(pid_t pid, const char *name, int flags)
{
	char path[64], link[64];
	int found = -1;

	for (int fd = 3; fd < 64; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
		ssize_t n = readlink(path, link, sizeof(link) - 1);

		if (n > 7 && !strncmp(link + 7, name, strlen(name))) {
			found = open(path, flags);
			break;
		}
	}
	return found;
}

/* It may be about to make it. */
static int open_memfd(pid_t pid, const char *name, int flags)
{
	int fd = -1;

	for (int left = 5000; fd < 0 && left > 0; left--) {
		fd = find_memfd(pid, name, flags);
		if (fd < 0)
			usleep(2000);
	}
	ck_assert_msg(fd >= 0, "no %s in process %d", name, pid);
	return fd;
}

static void wait_for_line(struct rig *r)
{
	struct pollfd p = { .fd = r->out, .events = POLLIN };
	char text[256];

	ck_assert_int_eq(poll(&p, 1, 10000), 1);
	ssize_t n = read(r->out, text, sizeof(text) - 1);
	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	ck_assert_msg(strstr(text, ": running\n") != NULL, "said %s", text);
}

void rig_start(struct rig *r, bool wait)
{
	int out[2];

	ck_assert_int_eq(pipe(out), 0);
	r->err = memfd_create("stderr", 0);
	r->guardian = fork();
	ck_assert_int_ge(r->guardian, 0);
	if (r->guardian == 0) {
		int fds[] = { open("/dev/null", O_RDONLY), out[1], r->err, r->plan_fd };

		for (int i = 0; i < 4; i++)
			fds[i] = fcntl(fds[i], F_DUPFD, 40);
		for (int i = 0; i < 4; i++)
			dup2(fds[i], i);
		execl(RIG_KERNEL, RIG_KERNEL, NULL);
		_exit(127);
	}
	close(out[1]);
	r->out = out[0];
	if (!wait)
		return;
	wait_for_line(r);
	rig_board(r);
	rig_view(r);
}

void rig_board(struct rig *r)
{
	int fd = open_memfd(r->guardian, "bulkhead-board", O_RDONLY);
	r->board = mmap(NULL, sizeof(*r->board), PROT_READ, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(r->board, MAP_FAILED);
	close(fd);
}

/* Where the guardian has the board. */
static off_t board_in_guardian(const struct rig *r)
{
	unsigned long at, found = 0;
	char path[64], line[256];

	snprintf(path, sizeof(path), "/proc/%d/maps", r->guardian);
	FILE *f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	while (!found && fgets(line, sizeof(line), f))
		if (strstr(line, " rw-s ") && strstr(line, "bulkhead-board") &&
		    sscanf(line, "%lx", &at) == 1)
			found = at;
	fclose(f);
	ck_assert_uint_ne(found, 0);
	return (off_t)found;
}

void rig_write(struct rig *r, const void *field, const void *value, size_t n)
{
	off_t at = (const char *)field - (const char *)r->board;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", r->guardian);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, value, n, board_in_guardian(r) + at), (ssize_t)n);
	close(fd);
}

void rig_view(struct rig *r)
{
	struct bh_layout l;
	int fd = open_memfd(r->guardian, "bulkhead-arena", O_RDWR);

	bh_view_unmap(&r->v);
	bh_layout_from_plan(&l, &r->plan->services[0]);
	ck_assert_int_eq(bh_view_map(&r->v, &l, fd, NULL, true), 0);
	close(fd);
}

int rig_end(struct rig *r)
{
	int status;

	for (int i = 0; i < 5000; i++) {
		if (waitpid(r->guardian, &status, WNOHANG) == r->guardian) {
			r->guardian = 0;
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		}
		usleep(2000);
	}
	return -1;
}

void rig_fini(struct rig *r)
{
	if (r->guardian)
		kill(r->guardian, SIGKILL);
	/* All that is left of it is ours to wait for, and dies by itself. */
	for (int i = 0; i < 5000; i++) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid < 0)
			return;
		if (pid == 0)
			usleep(2000);
	}
	ck_abort_msg("something of the system is still running");
}

const char *rig_said(struct rig *r)
{
	static char text[8192];
	ssize_t n = pread(r->err, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

const struct bh_proc *rig_proc(struct rig *r, enum bh_proc_kind kind)
{
	for (int i = 0; i < BH_BOARD_PROCS; i++)
		if (r->board->procs[i].kind == kind)
			return &r->board->procs[i];
	ck_abort_msg("no entry of kind %d", (int)kind);
	return NULL;
}

bool rig_attached(struct rig *r)
{
	char line[40];

	snprintf(line, sizeof(line), "(pid %d) attached", r->board->kernel_pid);
	return strstr(rig_said(r), line) != NULL;
}

bool rig_gone(pid_t pid)
{
	return kill(pid, 0) != 0;
}

int rig_children(struct rig *r, pid_t pids[static RIG_CHILDREN])
{
	char path[64];
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", r->guardian, r->guardian);
	FILE *f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	while (n < RIG_CHILDREN && fscanf(f, "%d", &pids[n]) == 1)
		n++;
	fclose(f);
	return n;
}

int rig_newcomers(struct rig *r, const pid_t *before, int n, pid_t pids[static RIG_CHILDREN])
{
	int m = rig_children(r, pids), left = 0;

	for (int i = 0, j; i < m; i++) {
		for (j = 0; j < n && before[j] != pids[i]; j++)
			;
		if (j == n)
			pids[left++] = pids[i];
	}
	return left;
}

int rig_descriptors(pid_t pid, char *text, size_t size)
{
	char path[40], link[64];
	struct dirent *e;
	size_t used = 0;
	int n = 0;

	text[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	DIR *d = opendir(path);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		ssize_t len = readlinkat(dirfd(d), e->d_name, link, sizeof(link) - 1);
		link[len > 0 ? len : 0] = '\0';
		if (used < size)
			used += (size_t)snprintf(text + used, size - used, " %s:%s", e->d_name,
						 link);
		n++;
	}
	if (d)
		closedir(d);
	return n;
}
