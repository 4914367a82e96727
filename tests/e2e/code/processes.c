/* SPDX-License-Identifier: MIT */
/* processes.c: a module for processes.sh: what processes of a service have in common with
 * any others: one scenario a run. The last line of a run says `ok`, or why not. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bulkhead/bulkhead.h>

#define SOON bh_after(BH_S(30))

#define CHECK(cond)                                                       \
	do {                                                              \
		if (!(cond)) {                                            \
			printf("failed: line %d: %s\n", __LINE__, #cond); \
			fflush(stdout);                                   \
			_exit(86);                                        \
		}                                                         \
	} while (0)

static int is(const char *scenario)
{
	return !strcmp(bh_option("scenario"), scenario);
}

static void run(bh_fiber_fn fn, int as_job, struct bh_result *res)
{
	bh_task t;

	CHECK((as_job ? bh_spawn_blocking : bh_spawn)(&t, fn, NULL, 0, NULL) == 0);
	CHECK(bh_join(t, res, SOON) == 0);
}

/* -- fork: a module's fork() is ours ------------------------------------------------- */

static int64_t forks(void *unused)
{
	(void)unused;
	for (int i = 0; i < 30; i++) {
		volatile int mine[1000];
		int status;

		memset((void *)(uintptr_t)mine, 1, sizeof(mine));
		pid_t pid = fork();
		CHECK(pid >= 0);
		if (pid == 0) {
			memset((void *)(uintptr_t)mine, 2, sizeof(mine));
			_exit(bh_yield() == -BH_EFORKED ? 7 : 8);
		}
		CHECK(waitpid(pid, &status, 0) == pid);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
		for (int k = 0; k < 1000; k++)
			CHECK(mine[k] == 0x01010101);
	}
	return 1;
}

/* -- init: a child that init() forks is no second zygote ------------------------------- */

static pid_t of_init;

static int init_forks(void)
{
	int status = -1;

	of_init = fork();
	if (of_init == 0)
		return 0; /* ends it, with 0 */
	return waitpid(of_init, &status, 0) == of_init && status == 0 ? 0 : -ECHILD;
}

/* -- robust: a mutex whose holder dies --------------------------------------------------- */

static pthread_mutex_t *mutex;

static int init_robust(void)
{
	pthread_mutexattr_t a;

	mutex = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	return mutex == MAP_FAILED ? -ENOMEM : -pthread_mutex_init(mutex, &a);
}

static int64_t dies_with_it(void *unused)
{
	(void)unused;
	pthread_mutex_lock(mutex);
	abort();
}

static int64_t locks_it(void *unused)
{
	struct timespec until;

	(void)unused;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	int err = pthread_mutex_timedlock(mutex, &until);
	if (err == EOWNERDEAD)
		pthread_mutex_consistent(mutex);
	if (!err || err == EOWNERDEAD)
		pthread_mutex_unlock(mutex);
	return err;
}

static void check_robust(int holder_is_job, int next_is_job)
{
	struct bh_result res;

	run(dies_with_it, holder_is_job, &res);
	CHECK(res.end == BH_END_CRASHED);
	run(locks_it, next_is_job, &res);
	CHECK(res.end == BH_END_RETURNED && res.value == EOWNERDEAD);
	run(locks_it, next_is_job, &res);
	CHECK(res.end == BH_END_RETURNED && res.value == 0);
}

/* -- atfork: handlers run in new workers, in their order ------------------------------------ */

static char order[64];
static int parents_right; /* in the zygote: after each clone so far */

static void say(const char *what)
{
	if (strlen(order) < sizeof(order) - 2)
		strcat(order, what);
}

static void prepare_a(void)
{
	say("a");
}
static void prepare_b(void)
{
	say("b");
}
static void child_a(void)
{
	say("1");
}
static void child_b(void)
{
	say("2");
}
static void parent_a(void)
{
	say("3");
}

static void parent_b(void)
{
	parents_right = !strcmp(order, "ba3");
	order[0] = '\0';
}

static int init_atfork(void)
{
	void *lib = dlopen(bh_option("library"), RTLD_NOW);

	if (!lib || dlclose(lib) || dlopen(bh_option("library"), RTLD_NOW | RTLD_NOLOAD))
		return -ENOEXEC;
	return -(pthread_atfork(prepare_a, parent_a, child_a) ||
		 pthread_atfork(prepare_b, parent_b, child_b));
}

static int64_t handlers_ran(void *unused)
{
	(void)unused;
	return !strcmp(order, "ba12") + 2 * parents_right;
}

static int64_t dies(void *unused)
{
	(void)unused;
	abort();
}

static void check_atfork(void)
{
	struct bh_result res;

	CHECK(handlers_ran(NULL) & 1);
	run(handlers_ran, 1, &res); /* forked after the workers: the zygote is a parent */
	CHECK(res.end == BH_END_RETURNED && res.value == 3);
	run(dies, 1, &res);
	run(handlers_ran, 1, &res);
	CHECK(res.end == BH_END_RETURNED && res.value == 3);
}

/* -- threads, of init() and of tasks --------------------------------------------------------- */

static void *stays(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void *ends(void *arg)
{
	return arg;
}

static int init_threads(void)
{
	pthread_t t;

	for (int i = 0; i < 20; i++)
		if (pthread_create(&t, NULL, ends, NULL) || pthread_join(t, NULL))
			return -EAGAIN;
	return is("threads_stay") ? -pthread_create(&t, NULL, stays, NULL) : 0;
}

static int64_t leaves_a_thread(void *unused)
{
	pthread_t t;

	(void)unused;
	CHECK(pthread_create(&t, NULL, stays, NULL) == 0);
	pthread_exit(NULL);
}

static void check_exit_of_the_thread(int as_job)
{
	struct bh_result res;

	run(leaves_a_thread, as_job, &res);
	CHECK(res.end == BH_END_CRASHED && res.crash.signal == 9);
}

/* ---------------------------------------------------------------------------------------------- */

static int init(void)
{
	if (is("init"))
		return init_forks();
	if (is("robust"))
		return init_robust();
	if (is("atfork"))
		return init_atfork();
	if (is("threads_stay") || is("threads_joined"))
		return init_threads();
	return 0;
}

static int64_t test(void *unused)
{
	struct bh_result res;

	(void)unused;
	if (is("fork")) {
		run(forks, 0, &res);
		CHECK(res.end == BH_END_RETURNED && res.value == 1);
	} else if (is("robust")) {
		check_robust(0, 0);
		check_robust(0, 1);
		check_robust(1, 0);
		check_robust(1, 1);
	} else if (is("atfork")) {
		check_atfork();
	} else if (is("thread_exits")) {
		check_exit_of_the_thread(0);
		check_exit_of_the_thread(1);
	}
	printf("ok\n");
	fflush(stdout);
	return 0;
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "processes",
	.init = init,
	.main = test,
};
