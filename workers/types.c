/* SPDX-License-Identifier: MIT */
/*
 * types.c: the table of task types in the arena, by {function, name}.
 *
 * A type is registered by the first spawn that uses it: one CAS on its key. All
 * workers are forks of one image, so function and name address are the same key
 * in each. The name is written after the CAS, by every worker on its own first
 * use, always with the same bytes: one that was killed in the middle is mended
 * by the next.
 */
#include "workers/rt.h"

#include <dlfcn.h>
#include <string.h>

enum {
	CACHE = 64,
	OTHER = BH_TYPES - 1
};

static struct {
	uint64_t key;
	uint32_t idx;
} cache[CACHE];

static uint64_t key_of(uint64_t fn, const char *name)
{
	return (fn * 0x9e3779b97f4a7c15ull) ^ (uint64_t)(uintptr_t)name;
}

static void write_name(struct bh_type *t, uint64_t fn, const char *name)
{
	Dl_info info;
	size_t n;

	if (!name && dladdr((void *)(uintptr_t)fn, &info) && info.dli_sname)
		name = info.dli_sname;
	if (!name)
		name = "task";
	n = strnlen(name, sizeof(t->name) - 1);
	memcpy(t->name, name, n);
	t->name[n] = '\0';
}

static uint32_t find(uint64_t key, uint64_t fn, const char *name)
{
	uint32_t at = (uint32_t)(key >> 40) % OTHER;

	for (uint32_t i = 0; i < OTHER; i++, at = at + 1 == OTHER ? 0 : at + 1) {
		struct bh_type *t = &bh_rt.v.types[at];
		uint64_t found = 0;

		if (bh_ld_acq(&t->key) == key || bh_cas(&t->key, &found, key) || found == key) {
			write_name(t, fn, name);
			return at;
		}
	}
	strcpy(bh_rt.v.types[OTHER].name, "other");
	return OTHER;
}

uint32_t bh_type_of(uint64_t fn, const char *name)
{
	uint64_t key = key_of(fn, name);
	uint32_t at = (uint32_t)(key >> 20) % CACHE;

	if (cache[at].key != key) {
		cache[at].idx = find(key, fn, name);
		cache[at].key = key;
	}
	return cache[at].idx;
}
