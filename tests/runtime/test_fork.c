/* SPDX-License-Identifier: MIT */
/* test_fork.c: processes that tasks make: each of the C library's ways. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wordexp.h>

#include "runtime.h"

#define SOON bh_after(BH_S(30))

enum {
	ROUNDS = 50,
	LOCALS = 3000, /* more than a page of them */
};

extern char **environ;

/* -- what they share ----------------------------------------------------------------- */

static int status_of(pid_t pid)
{
	int status = -1;

	CHECK(waitpid(pid, &status, 0) == pid);
	return status;
}

static int exit_code_of(pid_t pid)
{
	int status = status_of(pid);

	CHECK(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Runs @fn in a task (@kind 'f': fiber, 'j': job) and returns its value. */
static int64_t value_of(int kind, bh_fiber_fn fn)
{
	struct bh_result res;
	bh_task task;

	CHECK((kind == 'j' ? bh_spawn_blocking : bh_spawn)(&task, fn, NULL, 0, NULL) == 0);
	CHECK(bh_join(task, &res, SOON) == 0);
	CHECK(res.end == BH_END_RETURNED);
	return res.value;
}

/* -- fork() --------------------------------------------------------------------------- */

typedef pid_t fork_fn(void);

/* Parent and child scribble over their locals and their heap at once: each finds its
 * own. */
static void check_apart(fork_fn *make, int round)
{
	volatile unsigned char local[LOCALS];
	volatile unsigned char *heap = bh_alloc(LOCALS);

	CHECK(heap != NULL);
	for (int i = 0; i < LOCALS; i++)
		local[i] = heap[i] = (unsigned char)(round + i);
	pid_t pid = make();
	CHECK(pid >= 0);
	for (int i = 0; i < LOCALS; i++) {
		if (local[i] != (unsigned char)(round + i) || heap[i] != local[i])
			_exit(99); /* the parent's exit code, too, is a failure */
		local[i] = heap[i] = (unsigned char)(pid ? 1 : 2);
	}
	if (pid == 0) {
		for (int i = 0; i < LOCALS; i++)
			if (local[i] != 2 || heap[i] != 2)
				_exit(98);
		if (round % 2)
			execl("/bin/true", "true", (char *)NULL);
		_exit(round % 2 ? 97 : 0);
	}
	CHECK(exit_code_of(pid) == 0);
	for (int i = 0; i < LOCALS; i++)
		CHECK(local[i] == 1 && heap[i] == 1);
	bh_free((void *)(uintptr_t)heap);
}

TEST(parent_and_child_of_a_fork_have_memory_of_their_own)
{
	for (int i = 0; i < ROUNDS; i++)
		check_apart(fork, i);
}

TEST(so_have_those_of_a_bare_fork)
{
	for (int i = 0; i < ROUNDS; i++)
		check_apart(_Fork, i);
}

static int64_t apart_in_a_job(void *unused)
{
	(void)unused;
	for (int i = 0; i < 4; i++)
		check_apart(fork, i);
	return 3;
}

TEST(a_job_forks_like_a_fiber)
{
	CHECK(value_of('j', apart_in_a_job) == 3);
}

static enum bh_poll poll_forks(struct bh_cx *cx, void *state)
{
	(void)state;
	pid_t pid = fork();
	if (pid)
		bh_poll_result(cx, exit_code_of(pid) == 0 ? 5 : 6);
	return BH_READY; /* which ends the child, with 0 */
}

TEST(a_poll_task_forks_too)
{
	struct bh_result res;
	bh_task task;

	CHECK(bh_spawn_poll(&task, poll_forks, NULL, 0, NULL) == 0);
	CHECK(bh_join(task, &res, SOON) == 0 && res.end == BH_END_RETURNED && res.value == 5);
}

/* -- what a task has: small blocks that share a page, and large ones ------------------- */

enum {
	PIECES = 60
};

struct pieces {
	unsigned char *p[PIECES];
};

static size_t piece_bytes(int i)
{
	static const size_t sizes[] = { 40, 100, 900, 3000, 5000, 70000 };

	return sizes[(size_t)i % (sizeof(sizes) / sizeof(*sizes))];
}

static bool pieces_are(const struct pieces *h, int add)
{
	for (int i = 0; i < PIECES; i++)
		for (size_t j = 0; j < piece_bytes(i); j++)
			if (h->p[i][j] != (unsigned char)(i + add))
				return false;
	return true;
}

static void set_pieces(const struct pieces *h, int add)
{
	for (int i = 0; i < PIECES; i++)
		memset(h->p[i], i + add, piece_bytes(i));
}

TEST(a_child_has_all_that_its_task_has_to_itself)
{
	struct pieces h;
	int ready[2], c = 0;

	for (int i = 0; i < PIECES; i++)
		CHECK((h.p[i] = bh_alloc(piece_bytes(i))) != NULL);
	set_pieces(&h, 1);
	CHECK(pipe2(ready, O_CLOEXEC) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (read(ready[0], &c, 1) != 1 || !pieces_are(&h, 1))
			_exit(1);
		set_pieces(&h, 3);
		_exit(pieces_are(&h, 3) ? 0 : 2);
	}
	set_pieces(&h, 2); /* before the child looks */
	CHECK(write(ready[1], "", 1) == 1);
	CHECK(exit_code_of(pid) == 0 && pieces_are(&h, 2));
	close(ready[0]);
	close(ready[1]);
	for (int i = 0; i < PIECES; i++)
		bh_free(h.p[i]);
}

/* The child's path crosses the parent's: it is where it was, after the task has been
 * resumed elsewhere many times. */
static int64_t forks_and_waits(void *unused)
{
	int pipes[2];
	char c;

	(void)unused;
	CHECK(pipe2(pipes, O_CLOEXEC) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(pipes[1]);
		_exit(read(pipes[0], &c, 1) == 0 ? 41 : 1);
	}
	for (int i = 0; i < 20; i++)
		CHECK(bh_sleep(BH_MS(1)) == 0);
	close(pipes[1]); /* in the table of all workers: none keeps it */
	close(pipes[0]);
	CHECK(exit_code_of(pid) == 41);
	return 0;
}

/* Pinned: the worker is the child's parent, and no other one can wait for it. */
TEST(the_parent_waits_as_before_while_the_child_lives)
{
	struct bh_spawn_opts opts = BH_SPAWN_OPTS_INIT;
	struct bh_result result;
	bh_task task;

	opts.pinned = true;
	CHECK(bh_spawn(&task, forks_and_waits, NULL, 0, &opts) == 0);
	CHECK(bh_join(task, &result, BH_FOREVER) == 0);
	CHECK(result.end == BH_END_RETURNED);
}

static int64_t returns_in_the_child(void *unused)
{
	int pipes[2];
	char text[16] = "";

	(void)unused;
	CHECK(pipe2(pipes, O_CLOEXEC) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(pipes[1], STDOUT_FILENO);
		printf("flushed");
		return 42;
	}
	close(pipes[1]);
	CHECK(exit_code_of(pid) == 42);
	CHECK(read(pipes[0], text, sizeof(text) - 1) == 7 && !strcmp(text, "flushed"));
	close(pipes[0]);
	return 7;
}

TEST(a_child_whose_task_returns_ends_as_from_main)
{
	fflush(stdout);
	CHECK(value_of('f', returns_in_the_child) == 7);
	CHECK(value_of('j', returns_in_the_child) == 7);
}

TEST(a_child_that_crashes_is_no_crash_of_the_worker)
{
	struct bh_worker_stats before = { .size = sizeof(before) }, after = before;
	uint32_t here = bh_worker();

	CHECK(bh_worker_stats_get(here, &before) == 0);
	volatile int *volatile nowhere = (volatile int *)8;
	pid_t pid = fork();
	if (pid == 0)
		*nowhere = 1;
	int status = status_of(pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	pid = fork();
	if (pid == 0)
		abort();
	status = status_of(pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	CHECK(bh_worker_stats_get(here, &after) == 0);
	CHECK(before.pid == after.pid && before.crashes == after.crashes);
}

static __attribute__((noinline)) int deeper(volatile char *above)
{
	volatile char page[4096];

	page[0] = page[4095] = *above;
	return *above == 1 ? 0 : deeper(page) + page[1];
}

TEST(a_child_that_recurses_for_ever_dies_of_it)
{
	volatile char top = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(deeper(&top));
	int status = status_of(pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

TEST(a_child_forks_as_often_as_it_likes)
{
	pid_t pid = fork();

	if (pid == 0) {
		volatile int mine = 1;
		pid_t next = fork();

		mine = next ? 2 : 3;
		if (next == 0)
			_exit(mine == 3 ? 12 : 1);
		_exit(exit_code_of(next) == 12 && mine == 2 ? 13 : 1);
	}
	CHECK(exit_code_of(pid) == 13);
}

static void *fork_in_a_thread(void *arg)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(bh_yield() == -BH_EFORKED ? 9 : 1);
	*(int *)arg = exit_code_of(pid);
	return NULL;
}

TEST(a_thread_of_a_task_forks)
{
	pthread_t t;
	int code = 0;

	CHECK(pthread_create(&t, NULL, fork_in_a_thread, &code) == 0);
	CHECK(pthread_join(t, NULL) == 0);
	CHECK(code == 9);
}

/* -- the child is no task ---------------------------------------------------------------- */

static enum bh_poll never(struct bh_cx *cx, void *state)
{
	(void)cx, (void)state;
	return BH_PENDING;
}

static int64_t nothing(void *unused)
{
	(void)unused;
	return 1;
}

static void no_cleanup(void *unused)
{
	(void)unused;
}

struct before {
	bh_task task;
	bh_token token;
	bh_io a;
	struct bh_scope *scope;
	struct bh_local_set set;
	char *memory;
};

/* The number of the first call that does anything else than fail; 0: none. */
static int first_that_works(struct before *b)
{
	struct bh_interval iv;
	struct bh_stats stats = { .size = sizeof(stats) };
	struct bh_worker_stats ws = { .size = sizeof(ws) };
	struct bh_result res;
	struct iovec iov = { b->memory, 1 };
	struct bh_reader *reader;
	struct bh_writer *writer;
	bh_token token;
	bh_task task;
	bh_io io = 0;
	char text[BH_ADDRESS_MAX];
	int64_t v, soon = bh_after(BH_MS(1));
	int n = 1;

	if (bh_interval_init(&iv, soon, 1, BH_MISSED_SKIP))
		return n;
#define FAILS(call)                        \
	do {                               \
		n++;                       \
		if ((call) != -BH_EFORKED) \
			return n;          \
	} while (0)
	FAILS(bh_spawn(&task, nothing, NULL, 0, NULL));
	FAILS(bh_spawn(NULL, nothing, NULL, 0, NULL));
	FAILS(bh_spawn_on(0, &task, nothing, NULL, 0, NULL));
	FAILS(bh_spawn_poll(&task, never, NULL, 0, NULL));
	FAILS(bh_spawn_poll_on(0, &task, never, NULL, 0, NULL));
	FAILS(bh_spawn_blocking(&task, nothing, NULL, 0, NULL));
	FAILS(bh_join(b->task, &res, BH_FOREVER));
	FAILS(bh_detach(b->task));
	FAILS(bh_abort(b->task));
	FAILS(bh_wake(b->task));
	FAILS(bh_reply("x", 1));
	FAILS(bh_yield());
	FAILS(bh_unconstrained(1));
	FAILS(bh_suspend(BH_FOREVER));
	FAILS(bh_sleep(1));
	FAILS(bh_sleep_until(soon));
	FAILS(bh_run_until(nothing, NULL, &v, soon));
	FAILS(bh_interval_tick(&iv, &v));
	FAILS(bh_clock_pause(1));
	FAILS(bh_clock_advance(1));
	FAILS(bh_clock_resume());
	FAILS(bh_defer(no_cleanup, NULL));
	FAILS(bh_token_open(&token, 0));
	FAILS(bh_token_cancel(b->token));
	FAILS(bh_token_canceled(b->token));
	FAILS(bh_token_wait(b->token, BH_FOREVER));
	FAILS(bh_token_run(b->token, nothing, NULL, &v));
	FAILS(bh_token_close(b->token));
	FAILS(bh_scope_open(&b->scope));
	FAILS(bh_scope_spawn(b->scope, nothing, NULL, 0, NULL));
	FAILS(bh_scope_add(b->scope, b->task));
	FAILS(bh_scope_next(b->scope, &task, &res, BH_FOREVER));
	FAILS(bh_scope_wait(b->scope, BH_FOREVER));
	FAILS(bh_local_set_init(&b->set));
	FAILS(bh_local_set_spawn(&b->set, nothing, NULL, 0, NULL));
	FAILS(bh_local_set_run(&b->set, BH_FOREVER));
	FAILS(bh_listen(&io, "127.0.0.1:0"));
	FAILS(bh_accept(b->a, &io, BH_FOREVER));
	FAILS(bh_connect(&io, "127.0.0.1:1", BH_FOREVER));
	FAILS(bh_io_adopt(&io, 200));
	FAILS(bh_io_fd(b->a));
	FAILS(bh_read(b->a, text, 1, BH_FOREVER));
	FAILS(bh_read_exact(b->a, text, 1, BH_FOREVER));
	FAILS(bh_readv(b->a, &iov, 1, BH_FOREVER));
	FAILS(bh_write(b->a, "x", 1, BH_FOREVER));
	FAILS(bh_writev(b->a, &iov, 1, BH_FOREVER));
	FAILS(bh_readable(b->a, BH_FOREVER));
	FAILS(bh_writable(b->a, BH_FOREVER));
	FAILS(bh_reader_open(&reader, b->a, 0));
	FAILS(bh_writer_open(&writer, b->a, 0));
	FAILS(bh_copy(b->a, b->a, 1, NULL, BH_FOREVER));
	FAILS(bh_copy_both(b->a, b->a, NULL, BH_FOREVER));
	FAILS(bh_local_address(b->a, text, sizeof(text)));
	FAILS(bh_peer_address(b->a, text, sizeof(text)));
	FAILS(bh_local_port(b->a));
	FAILS(bh_shutdown(b->a, BH_HALF_WRITE));
	FAILS(bh_io_set_option(b->a, BH_OPT_NODELAY, 1));
	FAILS(bh_close(b->a));
	FAILS(bh_stats_get(&stats));
	FAILS(bh_worker_stats_get(0, &ws));
#undef FAILS
	bh_scope_abort(b->scope);
	bh_scope_close(b->scope);
	bh_free(b->memory);
	if (bh_alloc(1) || bh_calloc(1, 1) || bh_realloc(b->memory, 9) || bh_self())
		return 100;
	return bh_block_in_place(nothing, NULL) == 1 && !bh_stopping() ? 0 : 101;
}

TEST(every_call_of_a_child_fails_and_touches_nothing)
{
	struct before b = { .memory = bh_alloc(100) };

	CHECK(bh_spawn(&b.task, nothing, NULL, 0, NULL) == 0);
	CHECK(bh_token_open(&b.token, 0) == 0);
	CHECK(bh_listen(&b.a, "127.0.0.1:0") == 0);
	CHECK(bh_scope_open(&b.scope) == 0);
	CHECK(bh_scope_spawn(b.scope, nothing, NULL, 0, NULL) == 0);
	CHECK(bh_local_set_init(&b.set) == 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(first_that_works(&b));
	int code = exit_code_of(pid);
	if (code)
		fprintf(stderr, "call %d of a child does not fail with -BH_EFORKED\n", code);
	CHECK(code == 0);
	CHECK(bh_join(b.task, NULL, SOON) == 0);
	CHECK(bh_token_canceled(b.token) == 0 && bh_token_close(b.token) == 0);
	CHECK(bh_scope_wait(b.scope, SOON) == 0);
	bh_scope_close(b.scope);
	CHECK(bh_local_port(b.a) > 0 && bh_close(b.a) == 0);
	bh_free(b.memory);
}

/* -- the others ------------------------------------------------------------------------- */

TEST(a_vfork_runs_a_program)
{
	for (volatile int i = 0; i < 20; i++) {
		volatile int mine = i;
		pid_t pid = vfork();

		if (pid == 0) {
			if (i % 2)
				execl("/bin/false", "false", (char *)NULL);
			_exit(3);
		}
		CHECK(mine == i && exit_code_of(pid) == (i % 2 ? 1 : 3));
	}
}

TEST(posix_spawn_runs_a_program)
{
	char name[] = "sh", option[] = "-c", script[] = "exit 17";
	char *argv[] = { name, option, script, NULL };
	pid_t pid;

	CHECK(posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ) == 0);
	CHECK(exit_code_of(pid) == 17);
	CHECK(posix_spawn(&pid, "/nonexistent/program", NULL, NULL, argv, environ) == ENOENT);
}

TEST(system_and_popen_run_commands)
{
	char line[32] = "";

	CHECK(WEXITSTATUS(system("exit 21")) == 21);
	FILE *f = popen("echo to the task", "r");
	CHECK(f && fgets(line, sizeof(line), f) && !strcmp(line, "to the task\n"));
	CHECK(pclose(f) == 0);
}

TEST(wordexp_runs_a_command)
{
	wordexp_t w;

	CHECK(wordexp("$(echo a b)", &w, 0) == 0);
	CHECK(w.we_wordc == 2 && !strcmp(w.we_wordv[1], "b"));
	wordfree(&w);
}

TEST(forkpty_gives_the_child_a_terminal)
{
	char name[64] = "", line[32] = "";
	volatile int mine = 1;
	int master = -1;
	pid_t pid = forkpty(&master, name, NULL, NULL);

	CHECK(pid >= 0);
	if (pid == 0) {
		mine = 2;
		if (isatty(0) && isatty(1) && !strcmp(ttyname(0), name))
			execl("/bin/echo", "echo", "hello", (char *)NULL);
		_exit(1);
	}
	CHECK(mine == 1 && master >= 0 && !strncmp(name, "/dev/pts/", 9));
	CHECK(read(master, line, sizeof(line) - 1) > 0 && !strncmp(line, "hello", 5));
	CHECK(exit_code_of(pid) == 0);
	close(master);
}

TEST(daemon_is_refused_but_in_a_child)
{
	int pipes[2];
	char c = 0;

	CHECK(daemon(1, 1) == -1 && errno == ENOTSUP);
	CHECK(pipe2(pipes, O_CLOEXEC) == 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(daemon(1, 1) == 0 && write(pipes[1], "d", 1) == 1 ? 0 : 1);
	CHECK(exit_code_of(pid) == 0);
	CHECK(read(pipes[0], &c, 1) == 1 && c == 'd');
	close(pipes[0]);
	close(pipes[1]);
}

TEST(a_fork_without_memory_fails_and_the_task_goes_on)
{
	struct rlimit was, none = { 0, 0 };
	volatile int mine = 4;

	CHECK(getrlimit(RLIMIT_AS, &was) == 0);
	none.rlim_max = was.rlim_max;
	CHECK(setrlimit(RLIMIT_AS, &none) == 0);
	errno = 0;
	pid_t pid = fork();
	int error = errno;
	if (pid == 0)
		_exit(0);
	CHECK(setrlimit(RLIMIT_AS, &was) == 0);
	CHECK(pid == -1 && error == ENOMEM && mine == 4);
	check_apart(fork, 0);
}

/* -- what is executed inherits ------------------------------------------------------------ */

TEST(a_program_inherits_three_descriptors)
{
	int status = system("set -- /proc/self/fd/*; for f; do case ${f##*/} in [012]) ;; "
			    "*) t=$(readlink \"$f\") || continue; case $t in /proc/*) ;; "
			    "*) echo \"inherited: $f $t\" >&2; exit 1 ;; esac ;; esac; done");
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(a_program_inherits_no_signal_that_is_ignored_or_blocked)
{
	/* posix_spawn() itself ignores the C library's two, from 32 on. */
	CHECK(system("grep -q '^SigIgn:.*[08]0000000$' /proc/self/status") == 0);
	CHECK(system("grep -q '^SigBlk:.0*$' /proc/self/status") == 0);
}

TEST(a_write_to_a_pipe_without_reader_is_an_error)
{
	int pipes[2];

	CHECK(pipe2(pipes, O_CLOEXEC) == 0);
	close(pipes[0]);
	CHECK(write(pipes[1], "x", 1) == -1 && errno == EPIPE);
	close(pipes[1]);
}

RUNTIME_MAIN("fork")
