/* SPDX-License-Identifier: MIT */
/*
 * task.h: spawning, joining, yielding and aborting tasks.
 *
 * A task is the unit of work and the unit of loss: when one crashes, it ends
 * with a reason, its worker process is replaced, and everything else goes on.
 * There are two kinds on one scheduler:
 *
 *   fiber      plain C that may block in bh_ calls, on a stack of its own;
 *   poll task  a function called again and again until it says BH_READY: no
 *              stack, 128 bytes, cheap enough to have millions of.
 *
 * Every task may run in any worker of its service, and a fiber may be resumed
 * in another worker than the one it was suspended in. So what a task keeps
 * across a bh_ call that can wait must be valid in every worker:
 *
 *   valid     its argument, its stack, bh_alloc memory, bh_ handles, functions,
 *             globals that init() set before the first worker was made;
 *   not valid memory from malloc, globals changed since, file descriptors'
 *             FILE * buffers, thread-locals.
 *
 * A pinned task never leaves the process that its spawner ran in: it may keep in
 * private memory what it likes. The price: when that process dies, whatever the
 * cause, the pinned tasks in it have lost that memory, and end with
 * BH_END_LOST (or start again, see on_crash). A fiber that waits while it handles a C++
 * exception is pinned for that wait.
 *
 * Ownership. The spawner owns the tasks it spawned with a handle: it alone may
 * join or release them, and when it ends they are aborted (children end with
 * their parent). A task spawned without a handle (out == NULL) is detached: it
 * has no joiner and no parent. A task owns the sockets it opened or was given, its
 * memory and its children; all of it is released when the task ends, whether it
 * returned, was aborted, or crashed.
 */
#ifndef BULKHEAD_TASK_H
#define BULKHEAD_TASK_H

#include <bulkhead/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A fiber's function. @arg is the task's own copy of the argument. The value
 * returned is what the joiner gets. */
typedef int64_t (*bh_fiber_fn)(void *arg);

/* A poll task's answer. */
enum bh_poll {
	BH_PENDING = 0, /* not done: poll again when woken */
	BH_READY = 1,   /* done: bh_poll_result() set the value, or it is 0 */
};

/* The context of one poll; valid only during it. */
struct bh_cx;

/* A poll task's function. @state is the task's own copy of the initial state;
 * it stays at one address for the task's life. Must not make calls that wait:
 * they answer -EDEADLK here. */
typedef enum bh_poll (*bh_poll_fn)(struct bh_cx *cx, void *state);

/* What becomes of a task that crashes. */
enum bh_on_crash {
	BH_CRASH_FAIL = 0,    /* it ends; its joiner is told (the default) */
	BH_CRASH_RESTART = 1, /* it starts again from its argument; a poll task from a
				 copy of its initial state, which costs that much
				 memory more. A pinned task restarts in the process that
				 replaces its own, even if another task crashed:
				 its argument must hold no private pointers */
};

struct bh_spawn_opts {
	uint32_t size;         /* sizeof(struct bh_spawn_opts): the version */
	uint32_t stack_bytes;  /* fibers; 0: 64 KiB. Only pages touched cost memory */
	const char *name;      /* the task type's name in bhctl; 0: the function's, see
				  Names below */
	uint8_t on_crash;      /* enum bh_on_crash */
	uint8_t detach_on_end; /* 1: when the parent ends, let this task go on */
	uint16_t restarts;     /* BH_CRASH_RESTART: at most so often; 0: no limit
				  but the type's quarantine */
	uint32_t hog_ms;       /* longer than this in one poll (a fiber: between two calls that
			    may wait) it is a hog, and reported or ended: see `hog` in the
			    service's configuration. Rounded up by at most a quarter.
			    0: the configuration's `hog.after` */
	bh_io give;            /* a socket of the caller's that becomes the task's */
	uint8_t pinned;        /* 1: it runs in this very process alone */
	uint8_t reserved1[7];
	uint64_t crash_key; /* the client its crashes are counted against: see below */
};
/*
 * Crashes are counted by task type and crash key, and a quarantine is on that pair:
 * -BH_EQUARANTINED is for the client that caused the crashes; other clients are served. The
 * key identifies the client: bh_crash_key() of a tenant's name, a file, a hash of the input,
 * or a tenant's number below 2^32.
 *
 * Key 0: the peer of `give`, if that socket was accepted (its IPv4 address, the /64 of its
 * IPv6 address, the user behind a Unix socket), else the spawner's own key. So every task
 * that a connection's task spawns counts against its peer. Behind a proxy all peers are
 * the same: set the key from the client that the proxy names. A task without a key counts
 * against its type, and a type that many keys crash is quarantined as a whole.
 */
#ifdef __cplusplus
#define BH_SPAWN_OPTS_INIT                                                        \
	{                                                                         \
		sizeof(struct bh_spawn_opts), 0, nullptr, 0, 0, 0, 0, 0, 0, {}, 0 \
	}
#else
#define BH_SPAWN_OPTS_INIT                           \
	{                                            \
		.size = sizeof(struct bh_spawn_opts) \
	}
#endif

/*
 * Names. A task without a name is called after its function: by the function's symbol, or, if
 * the file was stripped, by the text of the argument: the calls that spawn are also macros,
 * which note that text. (Not in C++, where the argument may be a lambda.)
 */
struct bh_called {
	uintptr_t fn;
	const char *text;
};
extern BH_API struct bh_called bh_called; /* of the last such call in this process */

static inline bh_fiber_fn bh_fiber_called(bh_fiber_fn fn, const char *text)
{
	bh_called.fn = (uintptr_t)fn;
	bh_called.text = text;
	return fn;
}

static inline bh_poll_fn bh_poll_called(bh_poll_fn fn, const char *text)
{
	bh_called.fn = (uintptr_t)fn;
	bh_called.text = text;
	return fn;
}

/*
 * Spawns a fiber. @arg (@len bytes, copied; at most 1 MiB) is handed to @fn.
 * @out gets the handle; NULL detaches the task. @opts may be NULL.
 *
 * The task may start before this returns, in another worker. On error nothing
 * was spawned and opts->give is still the caller's.
 *
 * A fiber has its stack when this returns 0, and keeps it until it ends. The last eighth
 * of limits.memory is reserved for the 64 KiB stacks of tasks that are not given a socket.
 *
 * Errors: -BH_ENOSLOT (task table full), -ENOMEM (no stack, or no memory for the
 * argument: the sum of all blocks of the service, of all sizes, has reached
 * limits.memory; see mem.h), -BH_EQUARANTINED, -EINVAL, -E2BIG, -BH_ESTALE (opts->give is not
 * the caller's).
 */
BH_API int bh_spawn(bh_task *out, bh_fiber_fn fn, const void *arg, size_t len,
		    const struct bh_spawn_opts *opts) BH_NODISCARD;

/* The crash key of @len bytes: a hash of them, never 0. */
BH_API uint64_t bh_crash_key(const void *bytes, size_t len);

/* Spawns a poll task; as bh_spawn(). @state (@len bytes) is copied. */
BH_API int bh_spawn_poll(bh_task *out, bh_poll_fn fn, const void *state, size_t len,
			 const struct bh_spawn_opts *opts) BH_NODISCARD;

/*
 * Spawn a task pinned to worker @worker (0 .. bh_workers() - 1): to the process that
 * fills that slot when the task first runs, like every pinned task from then on. For one task
 * per worker (a cache, a listener each), not for private pointers of the caller's, which need
 * opts->pinned.
 *
 * Errors: as bh_spawn(); -EINVAL: no such worker.
 */
BH_API int bh_spawn_on(uint32_t worker, bh_task *out, bh_fiber_fn fn, const void *arg, size_t len,
		       const struct bh_spawn_opts *opts) BH_NODISCARD;
BH_API int bh_spawn_poll_on(uint32_t worker, bh_task *out, bh_poll_fn fn, const void *state,
			    size_t len, const struct bh_spawn_opts *opts) BH_NODISCARD;

/* How a task ended. */
enum bh_end {
	BH_END_RETURNED = 0, /* value and data are its own */
	BH_END_CANCELED = 1, /* it was aborted */
	BH_END_CRASHED = 2,  /* its worker died under it: see crash */
	BH_END_RESET = 3,    /* its service was reset */
	BH_END_HOG = 4,      /* it ran too long without yielding, so its worker was ended:
				see crash */
	BH_END_LOST = 5,     /* it was pinned to a process that died, not by its fault */
};

/* The report of one crash. All of it is diagnostic: a task that runs wild
 * can forge what its own worker wrote. */
struct bh_crash {
	uint64_t id;            /* names the crash in `bhctl crashes`; 0: none */
	int32_t signal;         /* SIGSEGV, ...; 0: the worker called exit() */
	int32_t exit_code;      /* when signal is 0 */
	uint64_t address;       /* the address that faulted, 0 if none */
	uint64_t instruction;   /* the program counter, 0 if unknown */
	uint32_t worker;        /* slot of the worker that died */
	int32_t pid;            /* its process */
	uint8_t stack_overflow; /* 1: the fault was in the guard below a fiber's stack */
	uint8_t reserved[3];
	uint32_t restart_us; /* from the crash until the slot's next worker ran, including
				  the time of a core dump; 0: not back yet */
	bh_task task;        /* the task that was running */
	char task_name[40];  /* its type */
};

struct bh_result {
	enum bh_end end;
	uint32_t reserved;
	int64_t value;         /* BH_END_RETURNED: what the function returned */
	void *data;            /* what bh_reply() left, now the joiner's: bh_free() it */
	size_t len;            /* its length in bytes */
	struct bh_crash crash; /* BH_END_CRASHED, BH_END_HOG: signal, address, worker */
};

/*
 * Waits until @task ends, takes its result and releases its handle, which is
 * stale afterwards. @res may be NULL.
 *
 * Errors: -BH_ETIMEDOUT (the handle stays valid), -BH_ECANCELED (the caller was
 * aborted; the handle stays valid), -BH_ESTALE, -EPERM (not the caller's
 * child), -EDEADLK (called from a poll task: use bh_poll_join()).
 *
 * The memory of a task that did not return is free by then; its sockets and files are closed
 * by another process, perhaps some milliseconds later. So a bh_listen() at the address of a
 * listener that a crashed task had opened may be refused with -EADDRINUSE at first: try again
 * after a pause, or let the configuration (`listen`) open it: one socket for all tasks.
 *
 * bh_join_or_gone() (net.h) waits only as long as a connection's peer is there.
 */
BH_API int bh_join(bh_task task, struct bh_result *res, int64_t deadline) BH_NODISCARD;

/* Gives up the handle: the task goes on, detached. Errors: -BH_ESTALE, -EPERM. */
BH_API int bh_detach(bh_task task);

/* Asks @task to end: it is woken, and every bh_ call of it that waits answers
 * -BH_ECANCELED from then on. A poll task is not polled again. Any task of the
 * service may call this. Errors: -BH_ESTALE. */
BH_API int bh_abort(bh_task task);

/* In a child: leaves @len bytes for the joiner (copied; replaces an earlier
 * reply; at most 16 MiB - 64). Errors: -ENOMEM, -E2BIG. */
BH_API int bh_reply(const void *data, size_t len) BH_NODISCARD;

/*
 * Waits until the worker that crash->id killed has been replaced, and fills
 * crash->restart_us. Errors: -BH_ETIMEDOUT, -BH_ESTALE (too many crashes ago),
 * -BH_ECANCELED.
 */
BH_API int bh_crash_wait(struct bh_crash *crash, int64_t deadline) BH_NODISCARD;

/* Lets other tasks run. Errors: -BH_ECANCELED. */
BH_API int bh_yield(void);

/*
 * Each time a task is polled or resumed it has a budget of 128 operations (timers, sockets,
 * joins) that need not wait; the next one lets other tasks run first (a
 * fiber yields in it, a poll task gets -EAGAIN and is polled again). So a task whose
 * socket always has data starves no other task. @on 1 exempts the running task until a call
 * with 0. Errors: -EPERM (not in a task).
 */
BH_API int bh_unconstrained(int on);

/* The running task; 0 outside of one. */
BH_API bh_task bh_self(void);

/* The slot number of the worker this runs in right now. It may change at every
 * call that can wait. */
BH_API uint32_t bh_worker(void);

/* How many workers the service has, or is to have: `bhctl workers --set` changes it. */
BH_API uint32_t bh_workers(void);

/* Wakes a suspended task: a fiber in bh_suspend(), or a poll task. A wake-up
 * sent while the task runs is kept. Safe from any task of the service.
 * Errors: -BH_ESTALE. */
BH_API int bh_wake(bh_task task);

/* Suspends the running fiber until bh_wake() or @deadline. Wake-ups may be
 * spurious: check the condition again. Errors: -BH_ETIMEDOUT, -BH_ECANCELED. */
BH_API int bh_suspend(int64_t deadline) BH_NODISCARD;

/* -- inside a poll -- */

/* The value the joiner of this poll task gets. */
BH_API void bh_poll_result(struct bh_cx *cx, int64_t value);

/* Asks for a wake-up at @deadline (replaces the one asked for before). */
BH_API void bh_poll_at(struct bh_cx *cx, int64_t deadline);

/* 0 once @deadline has come, until then -EAGAIN, and a wake-up is arranged. (One
 * deadline a task: see bh_poll_at().) */
BH_API int bh_poll_sleep_until(struct bh_cx *cx, int64_t deadline) BH_NODISCARD;

/* Asks for another poll soon; other runnable tasks go first. */
BH_API void bh_poll_again(struct bh_cx *cx);

/* Joins a child from a poll: -EAGAIN when it has not ended (a wake-up is
 * arranged), else as bh_join(). */
BH_API int bh_poll_join(struct bh_cx *cx, bh_task task, struct bh_result *res) BH_NODISCARD;

/* Notes what the function is called: see Names in task.h. */
#ifndef __cplusplus
#define bh_spawn(out, fn, ...)      bh_spawn(out, bh_fiber_called(fn, #fn), __VA_ARGS__)
#define bh_spawn_poll(out, fn, ...) bh_spawn_poll(out, bh_poll_called(fn, #fn), __VA_ARGS__)
#define bh_spawn_on(worker, out, fn, ...) \
	bh_spawn_on(worker, out, bh_fiber_called(fn, #fn), __VA_ARGS__)
#define bh_spawn_poll_on(worker, out, fn, ...) \
	bh_spawn_poll_on(worker, out, bh_poll_called(fn, #fn), __VA_ARGS__)
#endif

#ifdef __cplusplus
}
#endif
#endif
