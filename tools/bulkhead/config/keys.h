/* SPDX-License-Identifier: MIT */
/*
 * keys.h: the keys of a configuration: one table by which a file is checked
 * (check.c), the plan filled (fill.c), and the reference of
 * docs/configuration.md printed (`bulkhead keys`, print.c).
 */
#ifndef BH_TOOLS_BULKHEAD_CONFIG_KEYS_H
#define BH_TOOLS_BULKHEAD_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bh_key_kind {
	BH_KEY_MAPPING, /* its keys have rows of their own */
	BH_KEY_OPTIONS, /* texts for the service, by any names */
	BH_KEY_NUMBER,
	BH_KEY_MS,
	BH_KEY_SPIN, /* hi: us */
	BH_KEY_BYTES,
	BH_KEY_NAME, /* hi: bytes with the NUL */
	BH_KEY_TEXT, /* the same */
	BH_KEY_ADDRESS,
	BH_KEY_ADMIN,
	BH_KEY_BOOL,
	BH_KEY_WORD, /* one of words[], whose index is its value */
};

struct bh_key {
	const char *path; /* "services.limits.io"; sequences are not seen in it */
	enum bh_key_kind kind;
	uint64_t lo, hi;
	/* A sequence of such values, at most so many; 0: a value. */
	uint32_t most;
	bool must; /* be there; a sequence with one entry at least */
	const char *const *words;
	/* Where its value belongs, in struct bh_plan or bh_plan_service; size 0: there is more
	 * to it, and plan_make.c does it. */
	uint32_t at, size;
	const char *standard; /* the default if the file has none; NULL: plan_make.c computes it */
	/* For the reference: the key's purpose (NULL: has a section of its own); its values and
	 * its default in words, where the fields above do not give them readably. */
	const char *meaning, *value, *otherwise;
};

extern const struct bh_key bh_keys[];
extern const size_t bh_keys_n;

/* The part of @key's path behind @parent's; NULL: it is no key of that mapping. The root's
 * path is "". */
const char *bh_key_in(const struct bh_key *key, const char *parent);

#endif
