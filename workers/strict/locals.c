/* SPDX-License-Identifier: MIT */
/*
 * locals.c: the module's thread-locals. They lie beside the C library's own (errno),
 * or in a block that the loader chose, so their pages cannot be read-only. They are compared
 * instead: what a task changed and then waits is told of, by the place where it waits; then,
 * in another worker, it is another's.
 */
#include "workers/strict/locals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workers/base/rt.h"
#include "workers/strict/tell.h"
#include "workers/strict/watch.h"

enum {
	OFFSETS = 16, /* told of at once */
};

struct tls_index {
	size_t module, offset;
};

extern void *__tls_get_addr(struct tls_index *);

static struct {
	const unsigned char *now;
	unsigned char *before; /* the running task's poll; NULL: not watched */
} locals;

void bh_strict_locals_begin(void)
{
	if (!bh_strict.tls_bytes)
		return;
	locals.now = __tls_get_addr(&(struct tls_index){ .module = bh_strict.tls_module });
	locals.before = malloc(bh_strict.tls_bytes);
	bh_strict_ran();
}

void bh_strict_ran(void)
{
	if (locals.before)
		memcpy(locals.before, locals.now, bh_strict.tls_bytes);
}

static bool is_changed(size_t i)
{
	return locals.now[i] != locals.before[i] && !bh_strict_in(&bh_strict.tls_marked, i);
}

void bh_strict_waits(const void *poll)
{
	char offsets[OFFSETS * 20];
	size_t n = 0;
	int room = OFFSETS;

	if (!locals.before || (bh_ld_rlx(&bh_rt.task->state) & BH_PINNED))
		return;
	for (size_t i = 0; i < bh_strict.tls_bytes && room; i++)
		if (is_changed(i) && !(i % 4 && is_changed(i - 1))) {
			n += (size_t)sprintf(offsets + n, "%s%zu", n ? "," : "", i);
			room--;
		}
	if (n)
		bh_strict_tell_locals(offsets, (uintptr_t)poll);
}
