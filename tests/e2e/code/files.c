/* SPDX-License-Identifier: MIT */
/*
 * files.c: what the guide says of descriptors and record locks, one scenario after the
 * other; each says "ok NAME", or which line found otherwise.
 */
#include <bulkhead/bulkhead.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIMIT bh_after(BH_S(20))

static struct shared {
	_Atomic int wrong; /* the line that found something wrong; 0: none */
	_Atomic int step;
	_Atomic int fd;
	bh_task victim;
} * at;

static bool expect(bool right, int line)
{
	if (!right && !at->wrong)
		at->wrong = line;
	return right;
}
#define EXPECT(what) expect(what, __LINE__)

static int64_t run(bh_fiber_fn fn, int worker, bool job, int end)
{
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;
	struct bh_result r = { 0 };
	bh_task t;

	o.name = "files.task";
	if (EXPECT(!(job        ? bh_spawn_blocking(&t, fn, NULL, 0, &o) :
		     worker < 0 ? bh_spawn(&t, fn, NULL, 0, &o) :
				  bh_spawn_on((uint32_t)worker, &t, fn, NULL, 0, &o))) &&
	    EXPECT(!bh_join(t, &r, LIMIT)))
		expect((int)r.end == end, 1000 + (int)r.end);
	return r.value;
}

static int open_file(int flags)
{
	int fd = open(bh_option("file"), flags | O_CREAT | O_CLOEXEC, 0600);

	EXPECT(fd > 2);
	return fd;
}

static int set(int fd, int cmd, int type, off_t start, off_t len)
{
	struct flock l = {
		.l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = len
	};

	return fcntl(fd, cmd, &l);
}

/* As any program in the world sees it: -1 locked, 0 free. */
static int outside(void)
{
	char command[600];

	snprintf(command, sizeof(command), "%s %s", bh_option("trylock"), bh_option("file"));
	return system(command) ? -1 : 0;
}

/* -- locks -------------------------------------------------------------------------- */

static int64_t try_lock(void *unused)
{
	int fd = open_file(O_RDWR), got;

	(void)unused;
	got = !set(fd, F_SETLK, F_WRLCK, 0, 0);
	EXPECT(got == !lockf(fd, F_TEST, 0));
	close(fd);
	return got;
}

/* Holds the lock while others try. */
static int64_t exclude(void *unused)
{
	int fd = open_file(O_RDWR);

	(void)unused;
	EXPECT(!set(fd, F_SETLK, F_WRLCK, 0, 0));
	for (int i = 0; i < 2; i++)
		EXPECT(run(try_lock, -1, false, BH_END_RETURNED) == 0);
	EXPECT(run(try_lock, 1, false, BH_END_RETURNED) == 0);
	EXPECT(run(try_lock, -1, true, BH_END_RETURNED) == 0);
	EXPECT(!set(fd, F_SETLK, F_UNLCK, 0, 0));
	EXPECT(run(try_lock, -1, true, BH_END_RETURNED) == 1);
	EXPECT(run(try_lock, 1, false, BH_END_RETURNED) == 1);
	close(fd);
	return 0;
}

/* One process is one owner, by whichever descriptor. */
static int64_t one_owner(void *unused)
{
	int a = open_file(O_RDONLY), b = open_file(O_RDWR);
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_start = 5, .l_len = 2 };

	(void)unused;
	EXPECT(!set(a, F_SETLK, F_RDLCK, 0, 0));
	EXPECT(set(a, F_SETLK, F_WRLCK, 0, 0) && errno == EBADF);
	EXPECT(!set(b, F_SETLK, F_WRLCK, 0, 0));
	EXPECT(!fcntl(a, F_GETLK, &l) && l.l_type == F_UNLCK && l.l_start == 5);
	EXPECT(run(try_lock, 1, false, BH_END_RETURNED) == 0);
	EXPECT(!set(a, F_SETLK, F_UNLCK, 0, 0));
	EXPECT(run(try_lock, 1, false, BH_END_RETURNED) == 1);
	/* A position relative to the descriptor's. */
	EXPECT(lseek(b, 100, SEEK_SET) == 100);
	l = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_start = -2, .l_len = 2 };
	EXPECT(!fcntl(b, F_SETLK, &l));
	EXPECT(run(try_lock, 1, false, BH_END_RETURNED) == 0);
	EXPECT(!set(b, F_SETLK, F_UNLCK, 98, 2));
	EXPECT(run(try_lock, 1, false, BH_END_RETURNED) == 1);
	/* Closing any descriptor of the file gives its locks back. */
	EXPECT(!lockf(b, F_TLOCK, 10));
	close(a);
	EXPECT(run(try_lock, 1, false, BH_END_RETURNED) == 1);
	close(b);
	return 0;
}

static int64_t one_owner_in_job(void *unused)
{
	int a = open_file(O_RDWR), b = open_file(O_RDWR);

	(void)unused;
	EXPECT(!set(a, F_SETLKW, F_RDLCK, 0, 10) && !set(b, F_SETLKW, F_WRLCK, 0, 10));
	EXPECT(outside() == -1);
	EXPECT(!set(a, F_SETLK, F_UNLCK, 0, 10) && outside() == 0);
	close(a);
	close(b);
	return 0;
}

/* A lock of a task that moves goes with its descriptor. */
static int64_t moves(void *unused)
{
	int fd = open_file(O_RDWR);

	(void)unused;
	EXPECT(!set(fd, F_SETLK, F_WRLCK, 0, 0));
	for (int i = 0; i < 50; i++)
		bh_yield();
	EXPECT(outside() == -1);
	EXPECT(!set(fd, F_SETLK, F_UNLCK, 0, 0) && outside() == 0);
	close(fd);
	return 0;
}

static void locks(void)
{
	run(exclude, -1, false, BH_END_RETURNED);
	run(exclude, 0, false, BH_END_RETURNED);
	run(one_owner, 0, false, BH_END_RETURNED);
	run(one_owner_in_job, -1, true, BH_END_RETURNED);
	run(moves, -1, false, BH_END_RETURNED);
}

/* -- whose holder dies ---------------------------------------------------------------- */

static int64_t hold_and_crash(void *unused)
{
	int a = open_file(O_RDWR), b = open_file(O_RDWR);

	(void)unused;
	EXPECT(!set(a, F_SETLK, F_WRLCK, 0, 0) && b > 2 && outside() == -1);
	at->fd = b;
	abort();
}

static int kept;

static int64_t keep_lock(void *unused)
{
	(void)unused;
	kept = open_file(O_RDWR);
	EXPECT(!set(kept, F_SETLK, F_WRLCK, 0, 0));
	at->step = 1;
	return 0;
}

static int64_t keep_and_hang(void *arg)
{
	keep_lock(arg);
	while (pause() < 0)
		;
	return 0;
}

static void is_free(int line)
{
	for (int i = 0; i < 1000 && outside(); i++)
		bh_sleep(BH_MS(10));
	expect(!outside(), line);
}

static void dead_holders(void)
{
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;
	bh_task t;

	for (int job = 0; job < 2; job++) {
		run(hold_and_crash, -1, job, BH_END_CRASHED);
		is_free(__LINE__);
		for (int i = 0; i < 1000 && fcntl(at->fd, F_GETFD) >= 0; i++)
			bh_sleep(BH_MS(10));
		EXPECT(fcntl(at->fd, F_GETFD) < 0);
	}
	run(hold_and_crash, 1, false, BH_END_CRASHED);
	is_free(__LINE__);
	/* Held by the process beyond its task, which then goes by itself. */
	run(keep_lock, -1, true, BH_END_RETURNED);
	is_free(__LINE__);
	/* Aborted. */
	at->step = 0;
	if (EXPECT(!bh_spawn_blocking(&t, keep_and_hang, NULL, 0, &o))) {
		while (!at->step)
			bh_sleep(BH_MS(1));
		EXPECT(outside() == -1 && !bh_abort(t));
		(void)!bh_join(t, NULL, LIMIT);
		is_free(__LINE__);
	}
}

/* -- descriptors ------------------------------------------------------------------------ */

static ino_t inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_ino;
}

static int64_t crash(void *unused)
{
	(void)unused;
	abort();
}

/* Who lives keeps what it opened, wherever that was. */
static void survivors(void)
{
	int fd = open_file(O_RDWR), two[2];
	ino_t ino = inode(fd);

	EXPECT(!pipe(two));
	for (int i = 0; i < 2; i++)
		run(crash, i, false, BH_END_CRASHED);
	run(hold_and_crash, -1, true, BH_END_CRASHED);
	is_free(__LINE__);
	EXPECT(ino && inode(fd) == ino && write(two[1], "x", 1) == 1);
	EXPECT(!close(fd) && !close(two[0]) && !close(two[1]));
	EXPECT(close(fd) && errno == EBADF);
}

static int64_t meddle(void *unused)
{
	int fd = at->fd;

	(void)unused;
	EXPECT(close(fd) && errno == EBADF);
	EXPECT(dup2(1, fd) < 0 && errno == EBADF);
	EXPECT(close(4) && errno == EBADF);
	closefrom(3);
	FILE *f = fdopen(fd, "r");
	EXPECT(f && !fclose(f));
	return 0;
}

/* A connection and the task that closes it a second time. */
static void double_close(void)
{
	int two[2];
	char c = 0;
	bh_io io;

	EXPECT(!socketpair(AF_UNIX, SOCK_STREAM, 0, two) && !bh_io_adopt(&io, two[0]));
	at->fd = two[0];
	run(meddle, -1, false, BH_END_RETURNED);
	EXPECT(write(two[1], "x", 1) == 1 && bh_read(io, &c, 1, LIMIT) == 1 && c == 'x');
	/* Its own it closes by either name. */
	EXPECT(!close(two[0]) && bh_close(io) == -BH_ESTALE && inode(two[0]) == 0);
	close(two[1]);
}

/* By a system call, past the runtime: the owner is told. */
static void lost_number(void)
{
	int two[2], other = -1;
	char c;
	bh_io io;

	EXPECT(!socketpair(AF_UNIX, SOCK_STREAM, 0, two) && !bh_io_adopt(&io, two[0]));
	syscall(SYS_close, two[0]);
	EXPECT((other = eventfd(0, EFD_NONBLOCK)) == two[0]);
	EXPECT(bh_readable(io, bh_after(BH_S(5))) == -EBADF);
	ssize_t n = bh_read(io, &c, 1, bh_after(BH_S(5)));
	EXPECT(n < 0 && n != -BH_ETIMEDOUT);
	EXPECT(!bh_close(io) && inode(other) != 0); /* and takes nobody's along */
	close(other);
	close(two[1]);
}

static void low_numbers(void)
{
	ino_t out = inode(1);
	int low;

	for (int i = 0; i < 3; i++)
		EXPECT(!close(i));
	EXPECT(!fclose(stdin));
	EXPECT(out && inode(1) == out && inode(0) != 0);
	syscall(SYS_close, 0);
	EXPECT((low = open_file(O_RDONLY)) > 2 && inode(0) != 0);
	close(low);
	syscall(SYS_close, 0);
	bh_io l;
	EXPECT(!bh_listen(&l, "127.0.0.2:0") && bh_io_fd(l) > 2 && inode(0) != 0);
	syscall(SYS_close, 0);
	char address[BH_ADDRESS_MAX];
	bh_io a, b;
	EXPECT(bh_local_address(l, address, sizeof(address)) > 0 &&
	       !bh_connect(&a, address, LIMIT) && bh_io_fd(a) > 2);
	syscall(SYS_close, 0);
	EXPECT(!bh_accept(l, &b, LIMIT) && bh_io_fd(b) > 2 && inode(0) != 0);
	EXPECT(!bh_close(a) && !bh_close(b) && !bh_close(l));
}

static int64_t leak(void *unused)
{
	int two[2];

	(void)unused;
	if (fopen("/etc/passwd", "r") && opendir("/") && !pipe(two) && dup(two[0]) > 0 &&
	    socket(AF_INET, SOCK_DGRAM, 0) > 0 && memfd_create("leak", 0) > 0 && tmpfile() &&
	    fcntl(two[0], F_DUPFD_CLOEXEC, 100) > 0 && creat(bh_option("file"), 0600) > 0)
		abort();
	return 0;
}

static int open_now(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static void leaks(void)
{
	int before = open_now();

	for (int i = 0; i < 10; i++)
		run(leak, -1, i % 2, BH_END_CRASHED);
	for (int i = 0; i < 1000 && open_now() > before + 5; i++)
		bh_sleep(BH_MS(10));
	EXPECT(open_now() <= before + 5); /* a pidfd and the like come and go */
}

/* Dies of SIGSYS where popen() makes its process. */
static int64_t die_in_popen(void *unused)
{
	struct sock_filter no_clone[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#ifdef SYS_vfork
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_vfork, 2, 0),
#endif
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(no_clone) / sizeof(*no_clone), no_clone };

	(void)unused;
	if (EXPECT(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
		   !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)))
		return popen("true", "r") != NULL;
	return 0;
}

static void popen_killed(void)
{
	int before = open_now();

	for (int i = 0; i < 10; i++)
		run(die_in_popen, -1, i % 2, BH_END_CRASHED);
	for (int i = 0; i < 1000 && open_now() > before + 5; i++)
		bh_sleep(BH_MS(10));
	EXPECT(open_now() <= before + 5);
}

/* Dies of SIGSYS where the C library opens a file by itself. */
static int64_t tell_time(void *unused)
{
	struct sock_filter no_open[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(no_open) / sizeof(*no_open), no_open };
	char text[64];
	time_t now = time(NULL);
	struct tm tm;

	(void)unused;
	EXPECT(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
	EXPECT(gmtime_r(&now, &tm) && strftime(text, sizeof(text), "%T %Z", &tm) &&
	       localtime_r(&now, &tm) && mktime(&tm) == now);
	at->step++;
	abort(); /* with its filter */
}

/* The C library's own opening of the time zone would be nobody's if its task were killed. */
static void zone_is_known(void)
{
	at->step = 0;
	run(tell_time, -1, 0, BH_END_CRASHED);
	run(tell_time, -1, 1, BH_END_CRASHED);
	EXPECT(at->step == 2);
}

static FILE *sleeping; /* in the process of worker 0 */

static int64_t start_sleep(void *unused)
{
	int pid = 0;

	(void)unused;
	EXPECT((sleeping = popen("echo $$; exec sleep 60", "r")) &&
	       fscanf(sleeping, "%d", &pid) == 1);
	at->step = pid;
	return 0;
}

static int64_t end_sleep(void *unused)
{
	(void)unused;
	EXPECT(!kill(at->step, SIGKILL) && WTERMSIG(pclose(sleeping)) == SIGKILL);
	return 0;
}

/* A command sees the end of its input while a later one runs, of whatever process. */
static int64_t no_heir(void *unused)
{
	FILE *cat = popen("cat >/dev/null; exit 3", "w");

	(void)unused;
	run(start_sleep, 0, false, BH_END_RETURNED);
	EXPECT(cat && fputs("x", cat) > 0 && WEXITSTATUS(pclose(cat)) == 3);
	EXPECT(!kill(at->step, 0));
	run(end_sleep, 0, false, BH_END_RETURNED);
	return 0;
}

/* The compiler knows what belongs together. */
static int (*volatile either_close[])(FILE *) = { fclose, pclose };

static int64_t commands(void *unused)
{
	char line[32] = "";
	FILE *f;

	(void)unused;
	/* Of a file: nothing is waited for, nothing closed. */
	EXPECT((f = fopen("/dev/null", "r")) && either_close[1](f) == -1 && errno == EINVAL &&
	       !either_close[0](f));
	EXPECT(!popen("true", "") && errno == EINVAL);
	EXPECT(!popen("true", "rw") && errno == EINVAL);
	EXPECT(!popen("true", "rx") && errno == EINVAL);
	EXPECT((f = popen("-none 2>/dev/null", "r")) && WEXITSTATUS(pclose(f)) == 127);
	EXPECT((f = popen("kill -9 $$", "r")) && WTERMSIG(either_close[0](f)) == SIGKILL);
	EXPECT((f = popen("echo it says", "er")) && fgets(line, sizeof(line), f) &&
	       !strcmp(line, "it says\n") && !pclose(f));
	/* Somebody else has its status. */
	EXPECT((f = popen("exit 1", "r")) && waitpid(-1, NULL, 0) > 0);
	EXPECT(pclose(f) == -1 && errno == ECHILD);
	EXPECT(either_close[1](NULL) == -1 && errno == EINVAL);
	return 0;
}

static void popen_runs(void)
{
	int before = open_now();

	run(commands, -1, true, BH_END_RETURNED);
	run(commands, 1, false, BH_END_RETURNED);
	run(no_heir, 1, false, BH_END_RETURNED);
	EXPECT(open_now() <= before + 1); /* a process that runs jobs comes and goes */
}

static const struct {
	const char *name;
	void (*fn)(void);
} all[] = {
	{ "locks", locks },
	{ "dead_holders", dead_holders },
	{ "survivors", survivors },
	{ "double_close", double_close },
	{ "lost_number", lost_number },
	{ "low_numbers", low_numbers },
	{ "leaks", leaks },
	{ "popen_runs", popen_runs },
	{ "popen_killed", popen_killed },
	{ "zone_is_known", zone_is_known },
};

static int64_t files_main(void *unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		at->wrong = 0;
		all[i].fn();
		dprintf(1, at->wrong ? "files: wrong %s: line %d\n" : "files: ok %s\n", all[i].name,
			at->wrong);
	}
	dprintf(1, "files: done\n");
	while (!bh_stopping() && !bh_sleep(BH_MS(50)))
		;
	return 0;
}

static int files_init(void)
{
	at = mmap(NULL, sizeof(*at), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return at == MAP_FAILED ? -ENOMEM : 0;
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "files",
	.init = files_init,
	.main = files_main,
};
