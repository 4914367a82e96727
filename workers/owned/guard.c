/* SPDX-License-Identifier: MIT */
#include "workers/owned/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "workers/base/rt.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

enum {
	MAPPINGS = 65530, /* Linux's default */
	EACH = 4,         /* a guard has two of them, and as many are left to malloc() and others */
};

/* One bit a block, per size class: set while this process has the guard. Private
 * memory, touched where used. The zygote, of which every worker is a fork, never
 * runs a fiber, so a worker starts with none. */
static uint64_t *installed[BH_CLASSES];

/* Guards that cost mappings, in the order in which they were set. */
static struct {
	uint32_t *refs; /* a ring of `max` */
	uint32_t first, n, max;
} split;

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr,
		"bulkhead: worker %u: no guard can be set below a stack, as %s; raise "
		"vm.max_map_count if the service needs so many mappings. The worker ends\n",
		bh_rt.slot, what);
	abort();
}

static void *private_memory(uint64_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		give_up("no memory can be mapped");
	return p;
}

static unsigned char *gap_below(uint32_t ref)
{
	return (unsigned char *)bh_block_data(&bh_rt.v, ref) - BH_STACK_GAP;
}

/* -- by mappings ------------------------------------------------------------------ */

static uint32_t max_mappings(void)
{
	int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
	char text[16] = "";
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	unsigned long most = n > 0 ? strtoul(text, NULL, 10) : 0;
	return most < EACH ? MAPPINGS : most < 1u << 24 ? (uint32_t)most : 1u << 24;
}

static void prepare(void)
{
	split.max = max_mappings() / EACH;
	split.refs = private_memory(split.max * sizeof(*split.refs));
}

static void remove_oldest(void)
{
	uint32_t ref = split.refs[split.first], idx = bh_block_idx(ref);

	mprotect(gap_below(ref), BH_STACK_GAP, PROT_READ | PROT_WRITE);
	installed[bh_block_class(ref)][idx / 64] &= ~(1ull << (idx % 64));
	split.first = split.first + 1 == split.max ? 0 : split.first + 1;
	split.n--;
}

static void say_that_it_costs(void)
{
	static bool said;

	if (!said)
		fprintf(stderr,
			"bulkhead: worker %u: from here on the guards of its stacks are set and "
			"given up in turn, two system calls each (%u are set); Linux 6.15 needs no "
			"mappings for them, a higher vm.max_map_count allows more\n",
			bh_rt.slot, split.n);
	said = true;
}

static void install_by_mapping(uint32_t ref)
{
	if (!split.refs)
		prepare();
	/* With none left to give up, the mappings are other code's. */
	while (split.n == split.max || mprotect(gap_below(ref), BH_STACK_GAP, PROT_NONE)) {
		if (!split.n)
			give_up("no mappings are left");
		say_that_it_costs();
		remove_oldest();
	}
	split.refs[(split.first + split.n++) % split.max] = ref;
}

/* -- one guard ---------------------------------------------------------------------- */

static void install(uint32_t ref)
{
	static bool too_old;

	if (!too_old && madvise(gap_below(ref), BH_STACK_GAP, MADV_GUARD_INSTALL) == 0)
		return;
	/* Not when there was no memory: the next may be had again. */
	too_old = too_old || errno != ENOMEM;
	install_by_mapping(ref);
}

void bh_guard_ensure(uint32_t ref)
{
	uint32_t cls = bh_block_class(ref), idx = bh_block_idx(ref);
	uint64_t bit = 1ull << (idx % 64);

	if (!bh_block_at(&bh_rt.v, ref))
		return;
	if (!installed[cls])
		installed[cls] = private_memory((bh_rt.v.l.blocks[cls] + 63) / 64 * 8ull);
	if (installed[cls][idx / 64] & bit)
		return;
	install(ref);
	installed[cls][idx / 64] |= bit;
}

bool bh_guard_contains(uint32_t ref, uint64_t address)
{
	if (!bh_block_at(&bh_rt.v, ref) || bh_block_class(ref) < BH_DATA_CLASSES)
		return false;
	return address - (uint64_t)(uintptr_t)gap_below(ref) < BH_STACK_GAP;
}
