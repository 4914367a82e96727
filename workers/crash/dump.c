/* SPDX-License-Identifier: MIT */
#include "workers/crash/dump.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "workers/base/rt.h"

enum {
	RED_ZONE = 128,  /* below the stack pointer, in use */
	BLOCKS = 256,    /* each is a mapping, and takes a microsecond or so */
	EXTENTS = 30000, /* likewise, two mappings each of Linux's 65530 */
};

/* Whole pages: what starts or ends within one is left out. */
static void put_back(uint64_t from, uint64_t to)
{
	uint64_t page = (uint64_t)getpagesize();

	if (from < to && from % page == 0 && to % page == 0)
		madvise((void *)(uintptr_t)from, to - from, MADV_DODUMP);
}

static uint64_t data_of(uint32_t ref)
{
	return (uint64_t)(uintptr_t)bh_block_data(&bh_rt.v, ref);
}

static void put_block(uint32_t ref)
{
	if (bh_block_at(&bh_rt.v, ref))
		put_back(data_of(ref), data_of(ref) + bh_class_bytes(bh_block_class(ref)));
}

static void put_stack(uint32_t ref, uint64_t sp)
{
	uint64_t page = (uint64_t)getpagesize(), lo, hi;

	if (!bh_block_at(&bh_rt.v, ref))
		return;
	lo = data_of(ref);
	hi = lo + bh_class_bytes(bh_block_class(ref));
	sp = (sp - RED_ZONE) & ~(page - 1);
	put_back(sp > lo && sp < hi ? sp : lo, hi);
}

void bh_dump_task(const struct bh_tcb *t, uint64_t sp)
{
	const struct bh_block *b;
	uint32_t left = BLOCKS; /* the list may have been scribbled over */

	put_stack(bh_ld_rlx(&t->stack), sp);
	put_block(bh_ld_rlx(&t->arg_block));
	for (uint32_t ref = bh_ld_rlx(&t->blocks); left-- && (b = bh_block_at(&bh_rt.v, ref));
	     ref = bh_ld_rlx(&b->next))
		put_block(ref);
}

/* What the file has, by its holes. */
static void put_all(void)
{
	uint64_t base = (uint64_t)(uintptr_t)bh_rt.v.a;
	off_t at = 0, end;

	for (int i = 0; i < EXTENTS && (at = lseek(BH_ARENA_FD, at, SEEK_DATA)) >= 0; i++) {
		end = lseek(BH_ARENA_FD, at, SEEK_HOLE);
		if (end <= at || (uint64_t)end > bh_rt.v.l.bytes)
			return;
		put_back(base + (uint64_t)at, base + (uint64_t)end);
		at = end;
	}
}

void bh_dump_crashed(uint64_t sp)
{
	if (bh_rt.plan_service->core == BH_CORE_ALL)
		put_all();
	else if (bh_rt.task)
		bh_dump_task(bh_rt.task, sp);
}

/* 0 is no limit for a core_pattern that is a program; 1 is for both. */
void bh_dump_forbid(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_CORE, &lim))
		return;
	lim.rlim_cur = lim.rlim_max < 1 ? lim.rlim_max : 1;
	setrlimit(RLIMIT_CORE, &lim);
}
