/* SPDX-License-Identifier: MIT */
#include "workers/guard.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

#include "workers/rt.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

enum {
	GUARD = 4096,
	/* By mprotect() each costs two of the mappings of which Linux lets a process
	 * have 65530, and whoever asks for one after the last, malloc() too, fails. */
	SPLITS_MAX = 16384
};

/* One bit a block, per size class: set once this process has the guard. Private
 * memory, touched where used. The zygote, of which every worker is a fork, never
 * runs a fiber, so a worker starts with none. */
static uint64_t *installed[BH_CLASSES];

static bool install(uint32_t ref)
{
	static uint32_t splits;
	static bool too_old;
	void *page = bh_block_data(&bh_rt.v, ref);

	if (!too_old && madvise(page, GUARD, MADV_GUARD_INSTALL) == 0)
		return true;
	too_old = too_old || errno == EINVAL;
	if (splits >= SPLITS_MAX)
		return false;
	bool done = mprotect(page, GUARD, PROT_NONE) == 0;
	splits = done ? splits + 1 : SPLITS_MAX;
	if (splits == SPLITS_MAX)
		fprintf(stderr,
			"bulkhead: worker %u: further stacks have no guard page "
			"(no mappings left); Linux 6.15 needs none\n",
			bh_rt.slot);
	return done;
}

void bh_guard_ensure(uint32_t ref)
{
	uint32_t cls = bh_block_class(ref), idx = bh_block_idx(ref);

	if (!bh_block_at(&bh_rt.v, ref))
		return;
	if (!installed[cls]) {
		void *p =
			mmap(NULL, (bh_rt.v.l.blocks[cls] + 63) / 64 * 8ull, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (p == MAP_FAILED)
			return;
		installed[cls] = p;
	}
	uint64_t bit = 1ull << (idx % 64);
	if (!(installed[cls][idx / 64] & bit) && install(ref))
		installed[cls][idx / 64] |= bit;
}

bool bh_guard_contains(uint32_t ref, uint64_t address)
{
	if (!bh_block_at(&bh_rt.v, ref))
		return false;
	return address - (uint64_t)(uintptr_t)bh_block_data(&bh_rt.v, ref) < GUARD;
}
