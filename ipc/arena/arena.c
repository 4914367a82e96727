/* SPDX-License-Identifier: MIT */
#include "ipc/arena/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipc/base/page.h"

enum {
	REACTOR_WORKERS = 8,  /* share an epoll instance */
	OTHER_FILES = 32768,  /* known descriptors that are in no I/O slot */
	PINNED_LOG2_MAX = 16, /* beyond that many pinned tasks at once, scans help out */
	EXTENTS_LOG2 = 14,    /* of a limit, of large blocks */
};

#define UNITS_MOST ((1ull << 26) - 1) /* the capacity of the units field (extent.h) */

static uint64_t place(uint64_t *at, uint64_t bytes)
{
	uint64_t off = *at;

	*at += bh_page_up(bytes);
	return off;
}

/* A part that ends in a guard. */
static uint64_t fence(struct bh_layout *l, uint32_t *n, uint64_t *at, uint64_t bytes)
{
	uint64_t off = place(at, bytes + sizeof(uint64_t));

	l->off_guard[(*n)++] = *at - sizeof(uint64_t);
	return off;
}

static uint32_t clamp(uint32_t v, uint32_t lo, uint32_t hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

static uint32_t blocks(uint64_t n, uint64_t most)
{
	return (uint32_t)(n < 8 ? 8 : n > most ? most : n) + 1;
}

/* Each class has the addresses for all of the service's memory: the sizes that tasks will
 * ask for are unknown, and untouched address space costs nothing. Extents (extent.h) bound
 * the sum: each a 16384th of the memory, but in one word of the bitmap. */
static void set_blocks(struct bh_layout *l, uint64_t memory)
{
	uint32_t log2 = BH_UNIT_LOG2;

	memory = memory < UNITS_MOST << BH_UNIT_LOG2 ? memory : UNITS_MOST << BH_UNIT_LOG2;
	l->units = clamp((uint32_t)(memory >> BH_UNIT_LOG2), 64, UNITS_MOST);
	l->work_units = l->units / 8;
	while (memory >> EXTENTS_LOG2 >> log2 > 1)
		log2++;
	for (uint32_t c = 0; c < BH_CLASSES; c++) {
		uint32_t shift = bh_class_shift(c);
		uint64_t all =
			c == BH_WORK_CLASS ? (uint64_t)l->work_units << BH_UNIT_LOG2 : memory;

		l->blocks[c] = blocks(all >> shift, c == 0 ? (1u << 24) - 1 : 1u << 22);
		l->extent_log2[c] = log2 < shift ? 0 : log2 - shift < 6 ? log2 - shift : 6;
		l->extent_first[c + 1] =
			l->extent_first[c] + ((l->blocks[c] - 1) >> l->extent_log2[c]) + 1;
	}
}

static void lay_out(struct bh_layout *l, uint32_t workers, uint32_t tasks, uint32_t ios,
		    uint64_t memory)
{
	uint64_t at = 0;
	uint32_t n = 0;

	memset(l, 0, sizeof(*l));
	l->workers = clamp(workers, 1, BH_MAX_WORKERS);
	l->reactors = (l->workers + REACTOR_WORKERS - 1) / REACTOR_WORKERS;
	l->blocking = BH_MAX_BLOCKING;
	l->tasks = clamp(tasks, 64, 1u << 24) + 1;
	l->ios = clamp(ios, 64, 1u << 22) + 1;
	l->tokens = l->ios; /* about a token per connection */
	l->syncs = l->tasks;
	l->claims = 2 * (l->tasks - 1) + 1;
	l->files = l->ios + OTHER_FILES;
	while ((1u << l->inject_log2) < l->tasks || l->inject_log2 < 10)
		l->inject_log2++;
	fence(l, &n, &at, sizeof(struct bh_arena));
	/* All worker slots from the start: they are filled at run time. */
	l->off_workers = fence(l, &n, &at, sizeof(struct bh_slot) * BH_SLOTS);
	while (l->pinned_log2 < l->inject_log2 && l->pinned_log2 < PINNED_LOG2_MAX)
		l->pinned_log2++;
	l->off_pinned = fence(l, &n, &at, (sizeof(uint64_t) << l->pinned_log2) * BH_MAX_WORKERS);
	l->off_inject = fence(l, &n, &at, sizeof(uint64_t) << l->inject_log2);
	l->off_blocking = fence(l, &n, &at, sizeof(uint64_t) << l->inject_log2);
	l->off_types = fence(l, &n, &at, sizeof(struct bh_type) * BH_TYPES);
	l->off_tasks = fence(l, &n, &at, sizeof(struct bh_tcb) * (uint64_t)l->tasks);
	l->off_task_bits = fence(l, &n, &at, (l->tasks + 63) / 64 * 8ull);
	l->off_ios = fence(l, &n, &at, sizeof(struct bh_ioslot) * (uint64_t)l->ios);
	l->off_io_bits = fence(l, &n, &at, (l->ios + 63) / 64 * 8ull);
	l->off_tokens = fence(l, &n, &at, sizeof(struct bh_token_slot) * (uint64_t)l->tokens);
	l->off_token_bits = fence(l, &n, &at, (l->tokens + 63) / 64 * 8ull);
	l->off_syncs = fence(l, &n, &at, sizeof(struct bh_sync) * (uint64_t)l->syncs);
	l->off_sync_bits = fence(l, &n, &at, (l->syncs + 63) / 64 * 8ull);
	l->off_claims = fence(l, &n, &at, sizeof(struct bh_claim) * (uint64_t)l->claims);
	l->off_claim_bits = fence(l, &n, &at, (l->claims + 63) / 64 * 8ull);
	set_blocks(l, memory);
	for (uint32_t c = 0; c < BH_CLASSES; c++) {
		l->off_block[c] =
			fence(l, &n, &at, sizeof(struct bh_block) * (uint64_t)l->blocks[c]);
		l->off_block_bits[c] = fence(l, &n, &at, (l->blocks[c] + 63) / 64 * 8ull);
	}
	l->off_extents = fence(l, &n, &at, sizeof(uint32_t) * l->extent_first[BH_CLASSES]);
	for (uint32_t c = 0; c < BH_CLASSES; c++)
		l->off_data[c] = place(&at, bh_class_stride(c) * l->blocks[c]);
	l->off_files = fence(l, &n, &at, sizeof(struct bh_file) * (uint64_t)l->files);
	l->off_events = fence(l, &n, &at, sizeof(struct bh_evring) * (BH_SLOTS + 1));
	l->bytes = at;
}

void bh_layout_init(struct bh_layout *l, uint32_t workers, uint32_t tasks, uint32_t ios,
		    uint64_t memory)
{
	lay_out(l, workers, tasks, ios, memory);
}

void bh_layout_from_plan(struct bh_layout *l, const struct bh_plan_service *s)
{
	lay_out(l, bh_plan_slots(s), s->max_tasks, s->max_io, s->max_memory);
	/* No more reactors than workers, so that a worker can sleep in each, as long as the
	 * service is not made smaller. */
	l->reactors = clamp(s->workers, 1, l->reactors);
	if (s->blocking_max)
		l->blocking = clamp(s->blocking_max, 1, BH_MAX_BLOCKING);
}

static bool write_at(int fd, const void *from, size_t bytes, uint64_t off)
{
	return pwrite(fd, from, bytes, (off_t)off) == (ssize_t)bytes;
}

static bool fill(int fd, const struct bh_layout *l, const struct bh_arena *a)
{
	for (uint32_t i = 0; i < BH_ARENA_PARTS; i++) {
		uint64_t guard = bh_guard(l->off_guard[i]);

		if (!write_at(fd, &guard, sizeof(guard), l->off_guard[i]))
			return false;
	}
	return write_at(fd, a, sizeof(*a), 0);
}

int bh_arena_create(const struct bh_layout *l, const char *name, int64_t now_ns)
{
	struct bh_arena a = { .magic = BH_ARENA_MAGIC,
			      .format = bh_format,
			      .workers = l->workers,
			      .bytes = l->bytes,
			      .made_ns = now_ns,
			      .workers_wanted = BH_MAX_WORKERS };
	int fd = memfd_create("bulkhead-arena", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	strncpy(a.name, name, sizeof(a.name) - 1);
	/* 0600: only the owner can open it anew through /proc. */
	if (fchmod(fd, 0600) || ftruncate(fd, (off_t)l->bytes) || !fill(fd, l, &a) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
		int err = errno;
		close(fd);
		return -err;
	}
	return fd;
}

static struct bh_pool_view pool_view(struct bh_pool *p, void *bits, uint32_t capacity,
				     const void *slots, uint32_t stride)
{
	return (struct bh_pool_view){ .pool = p,
				      .bits = bits,
				      .capacity = capacity,
				      .slots = slots,
				      .stride = stride,
				      .used = ~0ull };
}

static struct bh_inject_view inject_view(const struct bh_layout *l, struct bh_inject *q,
					 void *cells)
{
	return (struct bh_inject_view){
		.q = q, .cells = cells, .mask = (1u << l->inject_log2) - 1, .shift = l->inject_log2
	};
}

static void point(struct bh_view *v, unsigned char *base)
{
	const struct bh_layout *l = &v->l;

	v->a = (void *)base;
	v->workers = (void *)(base + l->off_workers);
	v->events = (void *)(base + l->off_events);
	v->types = (void *)(base + l->off_types);
	v->tasks = (void *)(base + l->off_tasks);
	v->ios = (void *)(base + l->off_ios);
	v->tokens = (void *)(base + l->off_tokens);
	v->syncs = (void *)(base + l->off_syncs);
	v->claims = (void *)(base + l->off_claims);
	v->files = (void *)(base + l->off_files);
	v->inject = inject_view(l, &v->a->inject, base + l->off_inject);
	v->blocking = inject_view(l, &v->a->blocking.queue, base + l->off_blocking);
	v->pinned = (void *)(base + l->off_pinned);
	v->task_pool = pool_view(&v->a->task_pool, base + l->off_task_bits, l->tasks, v->tasks,
				 sizeof(*v->tasks));
	v->task_pool.used = BH_STATE_MASK;
	v->io_pool =
		pool_view(&v->a->io_pool, base + l->off_io_bits, l->ios, v->ios, sizeof(*v->ios));
	v->token_pool = pool_view(&v->a->token_pool, base + l->off_token_bits, l->tokens, v->tokens,
				  sizeof(*v->tokens));
	v->sync_pool = pool_view(&v->a->sync_pool, base + l->off_sync_bits, l->syncs, v->syncs,
				 sizeof(*v->syncs));
	v->claim_pool = pool_view(&v->a->claim_pool, base + l->off_claim_bits, l->claims, v->claims,
				  sizeof(*v->claims));
	v->claim_pool.used = BH_STATE_MASK;
	v->extents = (void *)(base + l->off_extents);
	for (uint32_t c = 0; c < BH_CLASSES; c++) {
		v->blocks[c] = (void *)(base + l->off_block[c]);
		v->data[c] = base + l->off_data[c];
		v->stride[c] = bh_class_stride(c);
		v->block_pool[c] = pool_view(&v->a->block_pool[c], base + l->off_block_bits[c],
					     l->blocks[c], v->blocks[c], sizeof(struct bh_block));
	}
}

int bh_view_map(struct bh_view *v, const struct bh_layout *l, int fd, void *base, bool write)
{
	int flags = MAP_SHARED | MAP_NORESERVE | (base ? MAP_FIXED_NOREPLACE : 0);
	struct stat st;

	if (fstat(fd, &st) || (uint64_t)st.st_size != l->bytes)
		return -EBADMSG;
	void *p = mmap(base, l->bytes, PROT_READ | (write ? PROT_WRITE : 0), flags, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	/* A core dump would back each page that is not there yet. (A system without this advice
	 * dumps no memory at all.) */
	madvise(p, l->bytes, MADV_DONTDUMP);
	v->l = *l;
	for (uint32_t i = 0; i < BH_MAX_REACTORS; i++)
		v->kick[i] = -1;
	point(v, p);
	if (v->a->magic != BH_ARENA_MAGIC || v->a->format != bh_format) {
		bh_view_unmap(v);
		return -EBADMSG;
	}
	return 0;
}

void bh_view_unmap(struct bh_view *v)
{
	if (v->a)
		munmap(v->a, v->l.bytes);
	v->a = NULL;
}

void bh_unpark_all(const struct bh_view *v)
{
	for (uint32_t i = 0; i < v->l.workers; i++)
		bh_unpark_again(&v->workers[i].park);
	for (uint32_t i = 0; i < v->l.reactors; i++)
		bh_kick(v->kick[i]);
}
