/* SPDX-License-Identifier: MIT */
/*
 * atfork.c: what the C library does around its fork(), for the clones by which a zygote
 * makes workers, blocking processes and its twin.
 *
 * Handlers. Libraries that keep random numbers, locks or pools put them right for a
 * child in handlers of pthread_atfork(), and workers are such children. That function
 * is in each object itself and calls __register_atfork(), which the programs of ours that
 * run user code define: it notes the handlers and passes them on. An object that is
 * unloaded calls __cxa_finalize(), by which the C library forgets its handlers, and
 * so does this. Only a zygote has use for the notes, and it has one thread.
 *
 * Robust mutexes. Linux marks those that a thread held when it died by a list that the
 * thread registered: the C library registers it anew for the child of a fork().
 */
#include "workers/libc/atfork.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "workers/base/rt.h"

typedef void handler(void);

struct handlers {
	handler *prepare, *parent, *child;
	void *object; /* whose they are */
};

static struct handlers *noted;
static size_t count, room;

static struct robust_list_head *robust; /* of the one thread; at one address in all */
static size_t robust_bytes;

/* -- noting ------------------------------------------------------------------------ */

static int pass_on(handler *prepare, handler *parent, handler *child, void *object)
{
	int (*next)(handler *, handler *, handler *, void *) =
		(int (*)(handler *, handler *, handler *, void *))dlsym(RTLD_NEXT,
									"__register_atfork");

	return next ? next(prepare, parent, child, object) : ENOSYS;
}

void bh_atfork_own(handler *prepare, handler *child)
{
	pass_on(prepare, NULL, child, NULL);
}

static int note(const struct handlers *h)
{
	if (count == room) {
		size_t more = room ? 2 * room : 8;
		struct handlers *p = realloc(noted, more * sizeof(*p));

		if (!p)
			return ENOMEM;
		noted = p;
		room = more;
	}
	noted[count++] = *h;
	return 0;
}

BH_API int __register_atfork(handler *prepare, handler *parent, handler *child, void *object);

/* Returns an error number, as pthread_atfork() does. */
BH_API int __register_atfork(handler *prepare, handler *parent, handler *child, void *object)
{
	const struct handlers h = { prepare, parent, child, object };
	int err = bh_rt.me ? 0 : note(&h); /* a worker makes no workers */

	return err ? err : pass_on(prepare, parent, child, object);
}

static void forget(const void *object)
{
	size_t left = 0;

	for (size_t i = 0; i < count; i++)
		if (noted[i].object != object)
			noted[left++] = noted[i];
	count = left;
}

BH_API void __cxa_finalize(void *object);

BH_API void __cxa_finalize(void *object)
{
	void (*next)(void *) = (void (*)(void *))dlsym(RTLD_NEXT, "__cxa_finalize");

	if (object && !bh_rt.me)
		forget(object);
	if (next)
		next(object);
}

/* -- running, in the order that POSIX gives ----------------------------------------- */

void bh_atfork_prepare(void)
{
	if (!robust && syscall(SYS_get_robust_list, 0, &robust, &robust_bytes))
		robust = NULL;
	for (size_t i = count; i-- > 0;)
		if (noted[i].prepare)
			noted[i].prepare();
}

void bh_atfork_parent(void)
{
	for (size_t i = 0; i < count; i++)
		if (noted[i].parent)
			noted[i].parent();
}

void bh_atfork_child(void)
{
	if (robust)
		syscall(SYS_set_robust_list, robust, robust_bytes);
	for (size_t i = 0; i < count; i++)
		if (noted[i].child)
			noted[i].child();
}
