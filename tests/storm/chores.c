/* SPDX-License-Identifier: MIT */
/*
 * chores.c: tasks that do what C programs do beside serving, in rounds, while the storm
 * kills their workers: they fork, execute programs, and take record locks.
 *
 *   chores.fork, chores.fork_job   fork(): the child finds everything as it was, scribbles
 *                                  over it, and ends with a code; the parent finds its own
 *                                  intact, and the code
 *   chores.exec                    popen() or posix_spawn(), and the answer
 *   chores.lock                    increments a counter in a file under a record lock: as a
 *   chores.lock_pinned             task that may move with the lock held, as one that may
 *   chores.lock_job                not, and in a blocking process
 *
 * The books are a file that init() maps, in the layout of struct books below (storm.sh reads
 * it). What was killed is told line by line in another: "own TYPE ID TASK".
 *
 * Options: books, told, counter: files that are there; go: rounds are made while it exists;
 * do: "fork", "lock" or both.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bulkhead/bulkhead.h>

extern char **environ;

enum {
	FORK,
	FORK_JOB,
	EXEC,
	LOCK,
	LOCK_PINNED,
	LOCK_JOB,
	KINDS,
};

enum {
	WORDS = 300,       /* what a fork must keep, in each place: more than half a page */
	VALUES = 1 << 24,  /* of the counter that are told apart */
	PATIENCE_S = 60,   /* for a lock */
	ROUND = KINDS * 2, /* tasks */
	NOT_RIGHT = 1,     /* a task's value: something was wrong, */
	SIGNALED = 2,      /* or the storm's signal to its group ended its child */
};

/* One line of eight numbers for each kind, in the order of the enum; then 8 more; then a byte
 * for each value of the counter. */
struct books {
	struct {
		/* Spawned; of these: as it should be; a child was signaled; wrong; killed on the
		 * CPU; pinned to a process that died; not joined, for main was killed. */
		_Atomic uint64_t begun, right, signaled, wrong, own, lost, reserved[2];
	} of[KINDS];
	/* Increments acknowledged, and of these to a value that another one had, too. */
	_Atomic uint64_t acknowledged, twice, mains, reserved[5];
	_Atomic uint8_t taken[VALUES];
};

static struct books *books;

static int64_t wrong(const char *what, int64_t number)
{
	fprintf(stderr, "chores: wrong: %s (%lld)\n", what, (long long)number);
	return NOT_RIGHT;
}

/* -- children ---------------------------------------------------------------------------- */

static uint64_t word(uint64_t number, int i)
{
	return (number + 1) * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)i;
}

static void fill(volatile uint64_t *words, uint64_t number)
{
	for (int i = 0; i < WORDS; i++)
		words[i] = word(number, i);
}

static bool intact(const volatile uint64_t *words, uint64_t number)
{
	for (int i = 0; i < WORDS; i++)
		if (words[i] != word(number, i))
			return false;
	return true;
}

/* What waitpid() says of @pid, whose exit code is to be @code. */
static int64_t judge(int status, int code, uint64_t number)
{
	if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGTERM || WTERMSIG(status) == SIGINT ||
				    WTERMSIG(status) == SIGHUP))
		return SIGNALED;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != code) {
		fprintf(stderr, "chores: wrong: child %llu: status %#x, not exit code %d\n",
			(unsigned long long)number, (unsigned)status, code);
		return NOT_RIGHT;
	}
	return 0;
}

static int64_t wait_for(pid_t pid, int code, uint64_t number)
{
	int status;

	while (waitpid(pid, &status, 0) != pid)
		if (errno != EINTR)
			return wrong("waitpid", errno);
	return judge(status, code, number);
}

static int child(uint64_t number, uint64_t again, volatile uint64_t *stack, uint64_t *heap)
{
	int code = (int)(number % 100);

	if (again != number)
		code = 201; /* its argument */
	else if (!intact(stack, number))
		code = 202;
	else if (!intact(heap, number))
		code = 203;
	else if (bh_self() || bh_yield() != -BH_EFORKED)
		code = 204;
	fill(stack, ~number);
	fill(heap, ~number);
	return code;
}

static int64_t fork_chore(void *arg)
{
	uint64_t number = *(uint64_t *)arg, *heap = bh_alloc(WORDS * sizeof(*heap));
	volatile uint64_t stack[WORDS];
	int64_t result;
	pid_t pid;

	if (!heap)
		return wrong("no memory", 0);
	fill(heap, number);
	fill(stack, number);
	pid = fork();
	if (pid < 0)
		return wrong("fork", errno);
	if (pid == 0) {
		int code = child(number, *(uint64_t *)arg, stack, heap);

		*(uint64_t *)arg = 0;
		if (number & 1)
			return code;
		_exit(code);
	}
	result = wait_for(pid, (int)(number % 100), number);
	if (*(uint64_t *)arg != number || !intact(stack, number) || !intact(heap, number))
		return wrong("a child's store reached its parent", (int64_t)number);
	return result;
}

static int64_t by_popen(uint64_t number)
{
	char command[64];
	long long said = 0;
	int64_t result;
	FILE *f;

	snprintf(command, sizeof(command), "echo $((%llu + 1))", (unsigned long long)number);
	f = popen(command, "re");
	if (!f)
		return wrong("popen", errno);
	if (fscanf(f, "%lld", &said) != 1)
		said = -1;
	result = judge(pclose(f), 0, number);
	return result || said == (long long)number + 1 ? result : wrong("what popen read", said);
}

static int64_t by_spawn(uint64_t number)
{
	char command[32], sh[] = "sh", c[] = "-c", *argv[] = { sh, c, command, NULL };
	pid_t pid;
	int err;

	snprintf(command, sizeof(command), "exit %d", (int)(number % 100));
	err = posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ);
	return err ? wrong("posix_spawn", err) : wait_for(pid, (int)(number % 100), number);
}

static int64_t exec_chore(void *arg)
{
	uint64_t number = *(uint64_t *)arg;

	return number & 1 ? by_popen(number) : by_spawn(number);
}

/* -- locks ------------------------------------------------------------------------------- */

static int lock(int fd, int how, short type)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET };

	return fcntl(fd, how, &l) ? -errno : 0;
}

/* The value that the counter was given, or negative. A bit of time between the read and the
 * write is for those who are not kept out. */
static int64_t increment(int fd, void (*pause)(void))
{
	uint64_t value;

	if (pread(fd, &value, sizeof(value), 0) != sizeof(value))
		return -EIO;
	pause();
	value++;
	return pwrite(fd, &value, sizeof(value), 0) == sizeof(value) ? (int64_t)value : -EIO;
}

static int64_t acknowledge(int64_t value)
{
	if (value == -BH_ECANCELED) /* main was killed: nobody will join this */
		return value;
	if (value <= 0)
		return wrong("increment", value);
	books->acknowledged++;
	if (books->taken[value % VALUES]++ == 0)
		return 0;
	books->twice++;
	return wrong("an update was lost", value);
}

static void pause_task(void)
{
	(void)bh_sleep(BH_MS(1));
}

static void pause_worker(void)
{
	for (int64_t end = bh_now() + BH_US(50); bh_now() < end;)
		;
}

static void pause_job(void)
{
	struct timespec ms = { .tv_nsec = 1000000 };

	nanosleep(&ms, NULL);
}

/* A fiber that waited in F_SETLKW would keep its worker from who holds the lock. */
static int64_t try_lock(int fd)
{
	int64_t end = bh_after(BH_S(PATIENCE_S));
	int err;

	while ((err = lock(fd, F_SETLK, F_WRLCK)) == -EAGAIN || err == -EACCES) {
		if (bh_now() > end)
			return -ETIMEDOUT;
		err = bh_sleep(BH_MS(2));
		if (err)
			return err;
	}
	return err;
}

static int64_t count(int64_t (*take)(int fd), void (*pause)(void))
{
	int fd = open(bh_option("counter"), O_RDWR | O_CLOEXEC);
	int64_t value = fd < 0 ? -errno : take(fd);

	if (value == 0) {
		value = increment(fd, pause);
		if (lock(fd, F_SETLK, F_UNLCK))
			value = -errno;
	}
	if (fd >= 0)
		close(fd);
	return acknowledge(value);
}

static int64_t lock_chore(void *unused)
{
	(void)unused;
	return count(try_lock, pause_task);
}

/* Pinned tasks of one worker are one owner: nothing here waits with the lock. */
static int64_t pinned_chore(void *unused)
{
	(void)unused;
	return count(try_lock, pause_worker);
}

static int64_t wait_lock(int fd)
{
	int err;

	while ((err = lock(fd, F_SETLKW, F_WRLCK)) == -EINTR)
		;
	return err;
}

static int64_t job_chore(void *unused)
{
	(void)unused;
	return count(wait_lock, pause_job);
}

/* -- rounds ------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	bh_fiber_fn fn;
} chores[KINDS] = {
	[FORK] = { "chores.fork", fork_chore },
	[FORK_JOB] = { "chores.fork_job", fork_chore },
	[EXEC] = { "chores.exec", exec_chore },
	[LOCK] = { "chores.lock", lock_chore },
	[LOCK_PINNED] = { "chores.lock_pinned", pinned_chore },
	[LOCK_JOB] = { "chores.lock_job", job_chore },
};

static int spawn(bh_task *out, int kind, uint64_t number)
{
	struct bh_spawn_opts opts = { .size = sizeof(opts), .name = chores[kind].name };

	switch (kind) {
	case FORK_JOB:
	case LOCK_JOB:
		return bh_spawn_blocking(out, chores[kind].fn, &number, sizeof(number), &opts);
	case LOCK_PINNED:
		return bh_spawn_on((uint32_t)number % bh_workers(), out, chores[kind].fn, &number,
				   sizeof(number), &opts);
	default:
		return bh_spawn(out, chores[kind].fn, &number, sizeof(number), &opts);
	}
}

static void tell(int kind, const struct bh_crash *crash)
{
	char line[128];
	int fd = open(bh_option("told"), O_WRONLY | O_APPEND | O_CLOEXEC);
	int len = snprintf(line, sizeof(line), "own %s %llu %s\n", chores[kind].name,
			   (unsigned long long)crash->id, crash->task_name);

	if (fd < 0 || write(fd, line, (size_t)len) != len)
		fprintf(stderr, "chores: wrong: %s is not told\n", line);
	if (fd >= 0)
		close(fd);
}

static void account(int kind, const struct bh_result *r)
{
	if (r->end == BH_END_RETURNED && r->value == 0)
		books->of[kind].right++;
	else if (r->end == BH_END_RETURNED && r->value == SIGNALED)
		books->of[kind].signaled++;
	else if (r->end == BH_END_LOST && kind == LOCK_PINNED)
		books->of[kind].lost++;
	else if (r->end == BH_END_CRASHED) {
		books->of[kind].own++;
		tell(kind, &r->crash);
	} else {
		books->of[kind].wrong++;
		fprintf(stderr, "chores: wrong: %s ended as %d, value %lld\n", chores[kind].name,
			r->end, (long long)r->value);
	}
}

static int64_t round_of(uint64_t number, int from, int to)
{
	bh_task tasks[ROUND];
	struct bh_result result;

	for (int i = 0; i < ROUND; i++) {
		int kind = i % KINDS, err;

		tasks[i] = 0;
		if (kind < from || kind >= to)
			continue;
		books->of[kind].begun++;
		err = spawn(&tasks[i], kind, number + (uint64_t)(i / KINDS));
		if (err) {
			tasks[i] = 0;
			books->of[kind].wrong++;
			wrong(chores[kind].name, err);
		}
	}
	for (int i = 0; i < ROUND; i++) {
		int err = tasks[i] ? bh_join(tasks[i], &result, BH_FOREVER) : -BH_ESTALE;

		if (!err)
			account(i % KINDS, &result);
		else if (tasks[i])
			return err;
	}
	return 0;
}

static int64_t chores_main(void *unused)
{
	const char *what = bh_option("do");
	int from = strstr(what, "fork") ? 0 : LOCK, to = strstr(what, "lock") ? KINDS : LOCK;
	uint64_t number = ++books->mains << 20;

	(void)unused;
	while (!bh_stopping()) {
		if (access(bh_option("go"), F_OK) == 0 && round_of(number++, from, to))
			break;
		if (bh_sleep(BH_MS(20)))
			break;
	}
	return 0;
}

static int init(void)
{
	int fd = open(bh_option("books"), O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	books = mmap(NULL, sizeof(*books), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return books == MAP_FAILED ? -errno : 0;
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "chores",
	.init = init,
	.main = chores_main,
};
