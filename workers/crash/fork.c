/* SPDX-License-Identifier: MIT */
/*
 * fork.c: fork() by user code, in a process that has the arena mapped.
 *
 * fork() copies private memory, and a fiber's stack is shared: parent and child would
 * both run on it. So the programs of ours that run user code define fork() and its
 * like themselves, for the code in them and in all that they load:
 *
 *   parent   maps the arena once more, privately; goes to a private stack; has
 *            Linux copy the pages of the running task into that mapping
 *            ── the C library's fork() ──
 *   child    moves the private mapping to the arena's address: the pages of the task
 *            are as they were at the fork, the rest is what the arena has when
 *            it is first looked at, and no store reaches the arena; leaves the service
 *   parent   drops the mapping
 *   both     return from fork() on the fiber's stack, each on its own
 *
 * Linux may refuse a writable copy of the arena, which may be large: it is to be backed in
 * full under strict overcommit, and counts as data (RLIMIT_DATA). Then only what the task
 * has is mapped writable, in parts, and moved each; of the rest the child has a view.
 *
 * Nobody waits for the other, and nothing is left to do for one that is killed. Whatever
 * can fail (memory, address space) fails before the fork, as fork()'s error.
 *
 * The child has left the service: bh_rt.forked is what the public calls look at when
 * they find no running task.
 *
 * Not seen: a clone by the system call itself. What the C library makes to exec at once
 * (posix_spawn(), and by it system() and popen(); vfork()) shares the memory until then,
 * has a stack of its own or lets the parent wait, and is right as it is.
 */
#include "workers/crash/fork.h"

#include <dlfcn.h>
#include <errno.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ipc/base/page.h"
#include "workers/base/context.h"
#include "workers/base/rt.h"
#include "workers/crash/dump.h"
#include "workers/libc/atfork.h"
#include "workers/owned/blocks.h"
#include "workers/owned/files.h"

enum {
	STACK = 256 << 10, /* the handlers of pthread_atfork() run on it */
	ROOM = 64,         /* parts, to begin with */
};

/* Pages of the arena that the child is to have. */
struct part {
	uint64_t at, bytes;
	unsigned char *copy;
};

/* One call, at the start of its private stack: the child reads it before it has a copy of
 * the caller's. */
struct call {
	pid_t (*make)(void *arg); /* makes the child: 0 in it; -1 and errno */
	void *arg;
	pid_t result;
	int error;
	unsigned char *copy; /* the arena, as the child is to have it; NULL: in parts, */
	struct part *part;   /* of which the first is the stack, if it has one */
	uint32_t parts, room;
	bool switched;  /* it runs on the private stack, the caller on */
	uint32_t stack; /* this block */
	struct bh_context caller, own;
};

static bool watched;
static _Thread_local struct call *current;

/* -- what the child gets ----------------------------------------------------------- */

/* The arena from @at on, privately; mapped at @to (NULL: anywhere), as in the parent in no
 * core dump. */
static void *map_private(void *to, uint64_t at, uint64_t bytes, int access)
{
	void *p = mmap(to, bytes, access, MAP_PRIVATE | MAP_NORESERVE | (to ? MAP_FIXED : 0),
		       BH_ARENA_FD, (off_t)at);

	if (p != MAP_FAILED)
		madvise(p, bytes, MADV_DONTDUMP);
	return p;
}

/* A store to a private mapping makes a page of one's own. */
static void touch(unsigned char *copy, uint64_t bytes)
{
	for (uint64_t i = 0; i < bytes; i += bh_page_bytes()) {
		volatile unsigned char *p = copy + i;

		*p = *p;
	}
}

static uint64_t offset_of(const void *p)
{
	return (uintptr_t)p - (uintptr_t)bh_rt.v.a;
}

static void keep(struct call *c, const void *from, const void *to)
{
	uint64_t at = bh_page_down(offset_of(from));

	touch(c->copy + at, offset_of(to) - at);
}

static bool more_room(struct call *c)
{
	size_t was = c->room * sizeof(*c->part), bytes = was ? 2 * was : ROOM * sizeof(*c->part);
	void *p;

	if (was)
		p = mremap(c->part, was, bytes, MREMAP_MAYMOVE);
	else
		p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return false;
	c->part = p;
	c->room = (uint32_t)(bytes / sizeof(*c->part));
	return true;
}

static void add_part(struct call *c, const void *from, const void *to)
{
	uint64_t at = bh_page_down(offset_of(from));
	uint64_t bytes = bh_page_up(offset_of(to)) - at;
	void *copy;

	if (c->error || (c->parts && c->part[c->parts - 1].at == at &&
			 c->part[c->parts - 1].bytes == bytes)) /* small blocks share pages */
		return;
	copy = c->parts < c->room || more_room(c) ?
		       map_private(NULL, at, bytes, PROT_READ | PROT_WRITE) :
		       MAP_FAILED;
	if (copy == MAP_FAILED)
		c->error = errno;
	else
		c->part[c->parts++] = (struct part){ at, bytes, copy };
}

typedef void part_fn(struct call *c, const void *from, const void *to);

static void take_block(struct call *c, uint32_t ref, part_fn *fn)
{
	const unsigned char *data = bh_block_data(&bh_rt.v, ref);

	if (bh_block_at(&bh_rt.v, ref))
		fn(c, data, data + bh_class_bytes(bh_block_class(ref)));
}

static unsigned char *stack_base(const struct call *c)
{
	return bh_block_data(&bh_rt.v, c->stack);
}

static unsigned char *stack_end(const struct call *c)
{
	return stack_base(c) + bh_class_bytes(bh_block_class(c->stack));
}

/* @fn for what the running task has beside its stack. */
static void take_task(struct call *c, part_fn *fn)
{
	const struct bh_tcb *t = bh_rt.task;
	const struct bh_block *b;
	uint32_t left = 1u << 24; /* the list may have been scribbled over */

	if (!t)
		return;
	fn(c, t, t + 1);
	take_block(c, bh_ld_rlx(&t->arg_block), fn);
	for (uint32_t ref = bh_ld_rlx(&t->blocks); left-- && (b = bh_block_at(&bh_rt.v, ref));
	     ref = bh_ld_rlx(&b->next))
		take_block(c, ref, fn);
}

/* 0, or an error number: parts that are mapped by then are dropped. */
static int map_parts(struct call *c)
{
	if (c->switched)
		add_part(c, stack_base(c), stack_end(c));
	take_task(c, add_part);
	return c->error;
}

static void drop_parts(struct call *c)
{
	for (uint32_t i = 0; i < c->parts; i++)
		munmap(c->part[i].copy, c->part[i].bytes);
	c->parts = 0;
}

static void keep_parts(const struct call *c, bool of_task)
{
	for (uint32_t i = 0; i < c->parts; i++) {
		const struct part *p = &c->part[i];
		bool stack = c->switched && i == 0;
		uint64_t skip = stack ? bh_page_down(offset_of(c->caller.sp)) - p->at : 0;

		if (stack || of_task)
			touch(p->copy + skip, p->bytes - skip);
	}
}

/* Registered before any handler of pthread_atfork(), so it runs as the last of them
 * before the fork, and as the first after it. */
static void before_fork(void)
{
	struct call *c = current;
	bool of_task = gettid() == getpid(); /* another thread's may change meanwhile */

	if (!c)
		return;
	if (!c->copy) {
		keep_parts(c, of_task);
		return;
	}
	if (c->switched)
		keep(c, c->caller.sp, stack_end(c));
	if (of_task)
		take_task(c, keep);
}

static void *move_parts(const struct call *c, unsigned char *base)
{
	void *p = map_private(base, 0, bh_rt.v.l.bytes, PROT_READ);

	for (uint32_t i = 0; i < c->parts && p != MAP_FAILED; i++) {
		const struct part *part = &c->part[i];

		if (mremap(part->copy, part->bytes, part->bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
			   base + part->at) == MAP_FAILED)
			return MAP_FAILED;
	}
	return p;
}

/* The arena that the child is to have, where the parent has its own. */
static void *move_copy(const struct call *c, void *base)
{
	uint64_t bytes = bh_rt.v.l.bytes;

	if (!c)
		return map_private(base, 0, bytes, PROT_READ | PROT_WRITE);
	if (!c->copy)
		return move_parts(c, base);
	return mremap(c->copy, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, base);
}

static void close_ours(void)
{
	struct bh_layout l;

	bh_layout_from_plan(&l, bh_rt.plan_service);
	for (int fd = BH_PLAN_FD; fd <= bh_listen_fd(&l) + (int)bh_rt.plan_service->n_listen; fd++)
		bh_sys_close(fd);
}

/* In the child. Without a call: forked by the C library for itself, which nobody sees
 * beforehand. */
static void after_fork(void)
{
	struct call *c = current;
	void *base = bh_rt.v.a, *p = base;

	if (bh_rt.forked)
		return;
	if (base)
		p = move_copy(c, base);
	if (p != base) {
		static const char text[] = "bulkhead: a forked child gets no memory of its own\n";

		if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
			_exit(126);
		_exit(127);
	}
	if (c &&
	    bh_block_class(c->stack) >= BH_DATA_CLASSES) /* the guards went with the old mapping */
		mprotect(stack_base(c) - BH_STACK_GAP, BH_STACK_GAP, PROT_NONE);
	if (bh_rt.task)
		bh_dump_task(bh_rt.task, 0);
	bh_rt.forked = true;
	bh_rt.task = NULL;
	bh_rt.me = NULL;
	bh_rt.idx = 0;
	bh_rt.handle = 0;
	bh_rt.budget = 0;
	bh_rt.slow_path = BH_SLOW_SHARED; /* it has no queue to hand over */
	close_ours();
}

void bh_fork_watch(void)
{
	if (!watched)
		bh_atfork_own(before_fork, after_fork);
	watched = true;
}

_Noreturn void bh_forked_end(int64_t value)
{
	exit((int)value);
}

/* -- the call ---------------------------------------------------------------------- */

static void make(void *call)
{
	struct call *c = call;

	current = c;
	c->result = c->make(c->arg);
	c->error = errno;
	current = NULL;
	if (c->switched)
		bh_context_switch(&c->own, &c->caller);
}

/* True if the arena is still where it was found: tasks can close any descriptor. */
static bool arena_is_there(void)
{
	struct stat st;

	if (fstat(BH_ARENA_FD, &st))
		return false;
	errno = EBADF;
	return S_ISREG(st.st_mode) && (uint64_t)st.st_size == bh_rt.v.l.bytes;
}

static bool is_in_arena(const void *p)
{
	return (uintptr_t)p - (uintptr_t)bh_rt.v.a < bh_rt.v.l.bytes;
}

/* The block that @p, on the caller's stack, lies in; 0: none, or another task's. */
static uint32_t block_of(const void *p)
{
	uint32_t ref = bh_rt.task ? bh_ld_rlx(&bh_rt.task->stack) : 0;

	if (bh_block_at(&bh_rt.v, ref) && (uintptr_t)p - (uintptr_t)bh_block_data(&bh_rt.v, ref) <
						  bh_class_bytes(bh_block_class(ref)))
		return ref;
	return bh_block_containing(p);
}

/* What the child is to have; 0, or an error number. */
static int set_apart(struct call *c)
{
	c->stack = c->switched ? block_of(&c) : 0;
	if (c->switched && !c->stack)
		return EINVAL;
	c->copy = map_private(NULL, 0, bh_rt.v.l.bytes, PROT_READ | PROT_WRITE);
	if (c->copy != MAP_FAILED)
		return 0;
	c->copy = NULL;
	return errno == ENOMEM ? map_parts(c) : errno;
}

static void drop_copy(struct call *c)
{
	if (c->copy)
		munmap(c->copy, bh_rt.v.l.bytes);
	drop_parts(c);
}

/* @fn(@arg) where a child can be made; what it returns. */
static __attribute__((noinline)) pid_t apart(pid_t (*fn)(void *arg), void *arg)
{
	struct call *c;
	pid_t result;
	int error;

	if (!watched || bh_rt.forked || !bh_rt.v.a)
		return fn(arg);
	if (!arena_is_there())
		return -1;
	c = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1,
		 0);
	if (c == MAP_FAILED)
		return -1;
	*c = (struct call){ .make = fn, .arg = arg, .switched = is_in_arena(&c) };
	error = set_apart(c);
	if (!error && c->switched) {
		bh_context_make(&c->own, (char *)c + STACK, make, c);
		bh_context_switch(&c->caller, &c->own);
	} else if (!error) {
		make(c);
	}
	result = error ? -1 : c->result;
	error = error ? error : c->error;
	if (!bh_rt.forked)
		drop_copy(c);
	if (c->part)
		munmap(c->part, c->room * sizeof(*c->part));
	munmap(c, STACK);
	errno = error;
	return result;
}

/* -- what user code calls ------------------------------------------------------------ */

/* The C library's own @name. */
static void *next(const char *name)
{
	void *fn = dlsym(RTLD_NEXT, name);

	if (!fn)
		errno = ENOSYS;
	return fn;
}

static pid_t real_fork(void *unused)
{
	pid_t (*fn)(void) = (pid_t(*)(void))next("fork");

	(void)unused;
	return fn ? fn() : -1;
}

/* This one runs no handlers, nor ours. */
static pid_t real_bare_fork(void *unused)
{
	pid_t (*fn)(void) = (pid_t(*)(void))next("_Fork");
	pid_t pid;

	(void)unused;
	if (!fn)
		return -1;
	before_fork();
	pid = fn();
	if (pid == 0 && watched)
		after_fork();
	return pid;
}

BH_API pid_t fork(void)
{
	return apart(real_fork, NULL);
}

BH_API pid_t __fork(void);

BH_API pid_t __fork(void)
{
	return apart(real_fork, NULL);
}

BH_API pid_t _Fork(void)
{
	return apart(real_bare_fork, NULL);
}

struct pty_call {
	int *master;
	char *name;
	const struct termios *term;
	const struct winsize *size;
};

static pid_t real_forkpty(void *arg)
{
	const struct pty_call *p = arg;
	pid_t (*fn)(int *, char *, const struct termios *, const struct winsize *) = (pid_t(*)(
		int *, char *, const struct termios *, const struct winsize *))next("forkpty");

	return fn ? fn(p->master, p->name, p->term, p->size) : -1;
}

BH_API int forkpty(int *master, char *name, const struct termios *term, const struct winsize *size)
{
	struct pty_call p = { master, name, term, size };

	return apart(real_forkpty, &p);
}

/* Its parent ends, and that would be the worker, with the task. */
BH_API int daemon(int keep_directory, int keep_output)
{
	int (*fn)(int, int) = (int (*)(int, int))next("daemon");

	if (watched && !bh_rt.forked) {
		fputs("bulkhead: daemon() ends the process that calls it, which here is a worker: "
		      "call it in a fork(), or let the service manager run the program\n",
		      stderr);
		errno = ENOTSUP;
		return -1;
	}
	return fn ? fn(keep_directory, keep_output) : -1;
}
