/* SPDX-License-Identifier: MIT */
/*
 * types.c: the table of task types in the arena, by {function, name}.
 *
 * A type is registered by the first spawn that uses it: one CAS on its key. All
 * workers are forks of one image, so function and name address are the same key
 * in each. The name is written after the CAS, its first byte last: it is whole once it
 * is there. A worker that finds none writes it; several at once write the same bytes,
 * but for those that know it by the text of the call alone, and differ in that.
 */
#include "workers/base/types.h"

#include <dlfcn.h>
#include <string.h>

#include "workers/base/rt.h"
#include "workers/base/symbols.h"

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

struct bh_called bh_called;

/* The text of a call: "&fn" is "fn". Anything but a name is no name. */
static bool name_of_text(const char *text, char *name, size_t size)
{
	size_t n;

	text += strspn(text, "&*( ");
	n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.->");
	n = n < size ? n : size - 1;
	memcpy(name, text, n);
	name[n] = '\0';
	return n;
}

/* What the function is called where it was written, and if that is not known, where it
 * was passed. */
static void name_function(uint64_t fn, char *name, size_t size)
{
	void *address = (void *)(uintptr_t)fn;
	Dl_info info;

	if (dladdr(address, &info) && info.dli_sname && info.dli_saddr == address)
		bh_symbols_plain(info.dli_sname, name, size);
	else if (!bh_symbols_name(fn, name, size) &&
		 !(bh_called.fn == fn && name_of_text(bh_called.text, name, size)))
		strcpy(name, "task");
}

static void write_name(struct bh_type *t, uint64_t fn, const char *given)
{
	char name[sizeof(t->name)] = "";

	if (t->name[0])
		return;
	if (given)
		strncpy(name, given, sizeof(name) - 1);
	else
		name_function(fn, name, sizeof(name));
	memcpy(t->name + 1, name + 1, sizeof(name) - 1);
	bh_compiler_barrier();
	t->name[0] = name[0];
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
