/* SPDX-License-Identifier: MIT */
/*
 * heap.c: malloc() and mmap() of bulkhead-host-strict: each process has its memory at
 * addresses that are mapped in no other, so that a pointer that a task took along to another
 * worker faults, and the address tells whose it is.
 *
 *   | the zygote's, and what init() made | process 1 | process 2 | ...
 *                                        |  blocks ▶    ◀ mmap() |
 *
 * Blocks have sizes of a few classes and a head; free ones stand in a list for each class.
 * What the zygote allocated is never used again in a worker: it would be at an address that
 * all have. The C library's own malloc stays behind unused, and whatever of it is not defined
 * here (mallinfo(), mallopt()) tells of nothing.
 */
#include "workers/strict/heap.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ipc/base/page.h"
#include "workers/libc/next.h"

enum {
	ALIGN = 16,
	SMALL = 1024, /* up to here in steps of ALIGN, then powers of two */
	SMALL_LOG2 = 10,
	CLASSES = SMALL / ALIGN + 1 + 34 - SMALL_LOG2,
	STEP = 1 << 20,    /* is mapped at once */
	LARGE = 128 << 10, /* gives its pages back when it is free */
};

/* Before each block; and, in a block, before what has an alignment of its own. */
struct head {
	uint64_t room; /* after it */
	uint64_t kind; /* used or unused; else how far behind the block's own head it is */
};

static struct {
	atomic_flag lock;
	uint32_t own;
	uintptr_t base, next, mapped; /* blocks; */
	uintptr_t top;                /* mmap() */
	struct head *free[CLASSES];
} heap = { .lock = ATOMIC_FLAG_INIT };

static void lock(void)
{
	while (atomic_flag_test_and_set_explicit(&heap.lock, memory_order_acquire))
		sched_yield();
}

static void unlock(void)
{
	atomic_flag_clear_explicit(&heap.lock, memory_order_release);
}

static void begin(uint32_t own)
{
	memset(heap.free, 0, sizeof(heap.free));
	heap.own = own;
	heap.base = heap.next = heap.mapped = BH_STRICT_BASE + own * BH_STRICT_PART;
	heap.top = heap.base + BH_STRICT_PART;
}

void bh_strict_heap_enter(uint32_t own)
{
	lock();
	begin(own);
	unlock();
}

uint32_t bh_strict_heap_of(uintptr_t at)
{
	uint64_t i = at < BH_STRICT_BASE ? 0 : (at - BH_STRICT_BASE) / BH_STRICT_PART;

	return i < BH_STRICT_HEAPS && i != heap.own ? (uint32_t)i : 0;
}

uint32_t bh_strict_heap_own(void)
{
	return heap.own;
}

/* A child of fork() has one thread, which may not have had the lock. */
static __attribute__((constructor)) void watch_forks(void)
{
	pthread_atfork(lock, unlock, unlock);
}

#ifndef BH_SANITIZED /* a sanitizer has a malloc() of its own: pointers are not watched then */

/* -- blocks, under the lock ---------------------------------------------------------------- */

static const uint64_t used = 0x6265736974737562, unused = 0x6565726673746c62;

static uint32_t class_of(size_t n)
{
	if (n <= SMALL)
		return (uint32_t)((n + ALIGN - 1) / ALIGN);
	return SMALL / ALIGN + 64 - (uint32_t)__builtin_clzll(n - 1) - SMALL_LOG2;
}

static size_t class_bytes(uint32_t c)
{
	return c <= SMALL / ALIGN ? (size_t)c * ALIGN : (size_t)SMALL << (c - SMALL / ALIGN);
}

static bool map_to(uintptr_t end)
{
	uintptr_t to = (end + STEP - 1) & ~(uintptr_t)(STEP - 1);

	if (end <= heap.mapped)
		return true;
	if (to > heap.top ||
	    syscall(SYS_mmap, heap.mapped, to - heap.mapped, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0l) != (long)heap.mapped)
		return false;
	heap.mapped = to;
	return true;
}

static struct head *carve(size_t bytes)
{
	struct head *h;

	if (!heap.base)
		begin(0);
	h = (struct head *)heap.next;
	if (!map_to(heap.next + sizeof(*h) + bytes))
		return NULL;
	heap.next += sizeof(*h) + bytes;
	h->room = bytes;
	return h;
}

static void **link_of(struct head *h)
{
	return (void **)(h + 1);
}

static struct head *take(size_t n, bool *zero)
{
	uint32_t c = class_of(n ? n : 1);
	struct head *h = heap.free[c];

	*zero = !h;
	if (h)
		heap.free[c] = *link_of(h);
	else
		h = carve(class_bytes(c));
	if (h)
		h->kind = used;
	return h;
}

static void *allocate(size_t n, bool *zero)
{
	struct head *h = NULL;

	if (n < BH_STRICT_PART / 2) {
		lock();
		h = take(n, zero);
		unlock();
	}
	if (!h)
		errno = ENOMEM;
	return h ? h + 1 : NULL;
}

static _Noreturn void wreck(const char *what)
{
	if (write(STDERR_FILENO, what, strlen(what)) < 0)
		abort();
	abort();
}

/* Faults if @p is another process's. */
static struct head *head_of(void *p)
{
	struct head *h = (struct head *)p - 1;

	if (h->kind < BH_STRICT_PART)
		h = (struct head *)((char *)h - h->kind);
	if (h->kind != used)
		wreck(h->kind == unused ? "free(): double free detected\n" :
					  "free(): invalid pointer, or what lies before it was "
					  "overwritten\n");
	return h;
}

static bool is_own(const struct head *h)
{
	return (uintptr_t)h >= heap.base && (uintptr_t)h < heap.next;
}

/* -- the C library's interface ------------------------------------------------------------- */

BH_EXPORT void *malloc(size_t n)
{
	bool zero;

	return allocate(n, &zero);
}

BH_EXPORT void free(void *p)
{
	int before = errno;
	struct head *h = p ? head_of(p) : NULL;

	if (!h || !is_own(h))
		return;
	if (h->room >= LARGE) {
		uintptr_t from = bh_page_down((uintptr_t)(h + 1)) + bh_page_bytes(),
			  to = bh_page_down((uintptr_t)(h + 1) + h->room);

		madvise((void *)from, to - from, MADV_DONTNEED);
	}
	lock();
	uint32_t c = class_of(h->room);
	h->kind = unused;
	*link_of(h) = heap.free[c];
	heap.free[c] = h;
	unlock();
	errno = before;
}

BH_EXPORT void *calloc(size_t count, size_t size)
{
	bool zero;
	size_t n;
	void *p = __builtin_mul_overflow(count, size, &n) ? NULL : allocate(n, &zero);

	if (!p)
		errno = ENOMEM;
	else if (!zero)
		memset(p, 0, n);
	return p;
}

BH_EXPORT size_t malloc_usable_size(void *p)
{
	const struct head *h = p ? head_of(p) : NULL;

	return h ? h->room - (size_t)((char *)p - (const char *)(h + 1)) : 0;
}

BH_EXPORT void *realloc(void *p, size_t n)
{
	size_t room = malloc_usable_size(p);

	if (p && !n) {
		free(p);
		return NULL;
	}
	if (p && n <= room && n >= room / 2 && is_own(head_of(p)))
		return p;
	void *q = malloc(n);

	if (q && p) {
		memcpy(q, p, n < room ? n : room);
		free(p);
	}
	return q;
}

BH_EXPORT void *memalign(size_t align, size_t n)
{
	bool zero;

	if (align <= ALIGN)
		return malloc(n);
	if (n > BH_STRICT_PART || align > BH_STRICT_PART) {
		errno = ENOMEM;
		return NULL;
	}
	char *p = allocate(n + align, &zero);
	uintptr_t at = ((uintptr_t)p + align - 1) & ~(align - 1);

	if (!p || at == (uintptr_t)p)
		return p;
	struct head *h = (struct head *)at - 1;

	h->room = 0;
	h->kind = at - (uintptr_t)p;
	return (void *)at;
}

BH_EXPORT void *aligned_alloc(size_t align, size_t n)
{
	return memalign(align, n);
}

BH_EXPORT int posix_memalign(void **out, size_t align, size_t n)
{
	int before = errno;

	if (align % sizeof(void *) || !align || align & (align - 1))
		return EINVAL;
	void *p = memalign(align, n);

	errno = before;
	if (!p)
		return ENOMEM;
	*out = p;
	return 0;
}

BH_EXPORT void *valloc(size_t n)
{
	return memalign(bh_page_bytes(), n);
}

BH_EXPORT void *pvalloc(size_t n)
{
	return memalign(bh_page_bytes(), bh_page_up(n));
}

/* -- mmap() -------------------------------------------------------------------------------- */

/* An address to ask for, of which Linux makes another if it is taken. */
static void *place_for(size_t n)
{
	uintptr_t at = 0;

	n = bh_page_up(n) + bh_page_bytes(); /* with a gap */
	lock();
	if (heap.own && n < BH_STRICT_PART && heap.top - n > heap.mapped + STEP)
		at = heap.top -= n;
	unlock();
	return (void *)at;
}

BH_EXPORT void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
	if (!at && !(flags & MAP_FIXED))
		at = place_for(n);
	return (void *)syscall(SYS_mmap, at, n, prot, flags, fd, offset);
}

__attribute__((alias("mmap"), visibility("default"))) void *
mmap64(void *at, size_t n, int prot, int flags, int fd, off64_t offset);

#endif
