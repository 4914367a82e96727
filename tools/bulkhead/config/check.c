/* SPDX-License-Identifier: MIT */
/* check.c: the tree of a configuration beside the table of keys. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ipc/system/plan.h"
#include "tools/bulkhead/config/config.h"
#include "tools/bulkhead/config/keys.h"
#include "tools/bulkhead/config/value.h"
#include "tools/place.h"

static bool obeys(const struct bh_key *k, const char *value)
{
	char room[BH_PLACE_BYTES];
	uint64_t v = 0;

	switch (k->kind) {
	case BH_KEY_NUMBER:
		return bh_value_number(value, &v) && v >= k->lo && v <= k->hi;
	case BH_KEY_MS:
		return bh_value_ms(value, &v) && v >= k->lo && v <= k->hi;
	case BH_KEY_SPIN:
		return !strcmp(value, "auto") || (bh_value_us(value, &v) && v <= k->hi);
	case BH_KEY_BYTES:
		return bh_value_bytes(value, &v) && v >= k->lo && v <= k->hi;
	case BH_KEY_NAME:
		return bh_value_name(value, k->hi);
	case BH_KEY_TEXT:
		return value[0] && strlen(value) < k->hi;
	case BH_KEY_ADDRESS:
		return bh_value_listen(value);
	case BH_KEY_ADMIN:
		return !bh_place_path(value, room);
	case BH_KEY_BOOL:
		return !strcmp(value, "true") || !strcmp(value, "false");
	case BH_KEY_WORD:
		for (size_t i = 0; k->words[i]; i++)
			if (!strcmp(value, k->words[i]))
				return true;
		return false;
	default:
		return false;
	}
}

/* Writes the values that key @k allows; @entry: in its sequence. */
static void say_expected(const struct bh_key *k, bool entry, char *out, size_t size)
{
	char lo[24], hi[24];
	size_t at = 0;

	if (k->most && !entry) {
		snprintf(out, size, "a sequence of at most %u ([a, b] or lines that begin with -)",
			 k->most);
		return;
	}

	switch (k->kind) {
	case BH_KEY_NUMBER:
		snprintf(out, size, "a whole number from %llu to %llu", (unsigned long long)k->lo,
			 (unsigned long long)k->hi);
		break;
	case BH_KEY_MS:
		snprintf(out, size, "a time from %s to %s, such as 500ms, 2s or 1m",
			 bh_value_ms_text(k->lo, lo), bh_value_ms_text(k->hi, hi));
		break;
	case BH_KEY_SPIN:
		snprintf(out, size, "auto, 0, or a time up to %lluus, such as 20us",
			 (unsigned long long)k->hi);
		break;
	case BH_KEY_BYTES:
		snprintf(out, size, "a size from %s to %s, such as 512M",
			 bh_value_bytes_text(k->lo, lo), bh_value_bytes_text(k->hi, hi));
		break;
	case BH_KEY_NAME:
		snprintf(out, size, "a name of letters, digits, '_', '-', '.', at most %llu long",
			 (unsigned long long)k->hi - 1);
		break;
	case BH_KEY_TEXT:
		snprintf(out, size, "a text, at most %llu bytes long",
			 (unsigned long long)k->hi - 1);
		break;
	case BH_KEY_ADDRESS:
		snprintf(out, size, BH_VALUE_LISTEN);
		break;
	case BH_KEY_ADMIN:
		snprintf(out, size, "ipc:// and an absolute path of at most %d bytes",
			 BH_PLACE_BYTES - 1);
		break;
	case BH_KEY_BOOL:
		snprintf(out, size, "true or false");
		break;
	case BH_KEY_WORD:
		for (size_t i = 0; k->words[i] && at < size; i++)
			at += (size_t)snprintf(out + at, size - at, "%s%s", i ? ", " : "",
					       k->words[i]);
		break;
	case BH_KEY_MAPPING:
	case BH_KEY_OPTIONS:
		snprintf(out, size, "a mapping (key: value)");
		break;
	}
}

static int wrong(const struct bh_yaml_node *n, const struct bh_key *k, bool entry,
		 struct bh_fault *f)
{
	static const char *const kinds[] = { "", "a sequence", "a mapping" };
	char path[128], expected[200], quoted[BH_QUOTE_BYTES];

	say_expected(k, entry, expected, sizeof(expected));
	bh_yaml_path(n, path, sizeof(path));
	return bh_fault_say(
		f, n->line, n->column, "%s%sexpected %s, not %s", path, path[0] ? ": " : "",
		expected, n->kind == BH_YAML_SCALAR ? bh_quote(quoted, n->value) : kinds[n->kind]);
}

/* The values under `options` are for the service to read. */
static int check_options(const struct bh_yaml_node *n, struct bh_fault *f)
{
	const struct bh_plan_option *o = NULL;
	const struct bh_yaml_node *v;
	char quoted[BH_QUOTE_BYTES];
	uint32_t count = 0;

	if (n->kind != BH_YAML_MAPPING)
		return bh_fault_say(f, n->line, n->column,
				    "options: expected a mapping (key: value) of texts");
	for (v = n->first; v; v = v->next) {
		if (++count > BH_PLAN_OPTIONS)
			return bh_fault_say(f, v->key_line, v->key_column,
					    "options: more than %d, the most a service may have",
					    BH_PLAN_OPTIONS);
		if (!bh_value_name(v->key, sizeof(o->key)))
			return bh_fault_say(
				f, v->key_line, v->key_column,
				"options: %s is no name of letters, digits, '_', '-', '.', "
				"at most %zu long",
				bh_quote(quoted, v->key), sizeof(o->key) - 1);
		if (v->kind != BH_YAML_SCALAR || strlen(v->value) >= sizeof(o->value))
			return bh_fault_say(f, v->line, v->column,
					    "options: %s: expected a text, at most %zu bytes long",
					    bh_quote(quoted, v->key), sizeof(o->value) - 1);
	}
	return 0;
}

/* Letters to put in, leave out, or change, to make @b of @a. */
static size_t distance(const char *a, const char *b)
{
	enum {
		LONGEST = 32
	};
	size_t row[LONGEST + 1], n = strlen(b);

	if (n > LONGEST || strlen(a) > LONGEST)
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t corner = row[0]; /* of the row before, one to the left */

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t changed = corner + (a[i - 1] != b[j - 1]);
			size_t shorter = row[j] < row[j - 1] ? row[j] : row[j - 1];

			corner = row[j];
			row[j] = changed < shorter + 1 ? changed : shorter + 1;
		}
	}
	return row[n];
}

static int unknown_key(const struct bh_yaml_node *n, const char *in, struct bh_fault *f)
{
	char path[128], quoted[BH_QUOTE_BYTES], known[200] = "", meant[64] = "";
	size_t at = 0, least = 1 + strlen(n->key) / 3; /* further off, it is another word */
	const char *key;

	for (const struct bh_key *k = bh_keys; k < bh_keys + bh_keys_n; k++) {
		if (!(key = bh_key_in(k, in)))
			continue;
		if (at < sizeof(known))
			at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%s",
					       at ? ", " : "", key);
		if (distance(n->key, key) > least)
			continue;
		least = distance(n->key, key);
		snprintf(meant, sizeof(meant), "did you mean '%s'? ", key);
	}
	bh_yaml_path(n->parent, path, sizeof(path));
	return bh_fault_say(f, n->key_line, n->key_column, "%s%sunknown key %s; %sknown here: %s",
			    path, path[0] ? ": " : "", bh_quote(quoted, n->key), meant, known);
}

static int check_mapping(const struct bh_yaml_node *n, const char *in, struct bh_fault *f);

/* A value, or an entry of a sequence. */
static int check_value(const struct bh_yaml_node *n, const struct bh_key *k, bool entry,
		       struct bh_fault *f)
{
	if (k->kind == BH_KEY_OPTIONS)
		return check_options(n, f);
	if (k->kind == BH_KEY_MAPPING && n->kind == BH_YAML_MAPPING)
		return check_mapping(n, k->path, f);
	if (n->kind == BH_YAML_SCALAR && obeys(k, n->value))
		return 0;
	return wrong(n, k, entry, f);
}

static int check_sequence(const struct bh_yaml_node *n, const struct bh_key *k, struct bh_fault *f)
{
	uint32_t count = 0;

	if (n->kind != BH_YAML_SEQUENCE)
		return wrong(n, k, false, f);
	for (const struct bh_yaml_node *e = n->first; e; e = e->next) {
		if (++count > k->most)
			return bh_fault_say(f, e->line, e->column,
					    "%s: more than %u, the most there may be", n->key,
					    k->most);
		if (check_value(e, k, true, f))
			return -EINVAL;
	}
	return count || !k->must ?
		       0 :
		       bh_fault_say(f, n->line, n->column, "%s: at least 1 must be there", n->key);
}

static const struct bh_key *key_of(const char *name, const char *in)
{
	const char *key;

	for (const struct bh_key *k = bh_keys; k < bh_keys + bh_keys_n; k++)
		if ((key = bh_key_in(k, in)) && !strcmp(key, name))
			return k;
	return NULL;
}

/* @in: its path. Depth is bounded by the table's. */
static int check_mapping(const struct bh_yaml_node *n, const char *in, struct bh_fault *f)
{
	const char *key;
	char path[128];

	for (const struct bh_yaml_node *v = n->first; v; v = v->next) {
		const struct bh_key *k = key_of(v->key, in);

		if (!k)
			return unknown_key(v, in, f);
		if (k->most ? check_sequence(v, k, f) : check_value(v, k, false, f))
			return -EINVAL;
	}
	for (const struct bh_key *k = bh_keys; k < bh_keys + bh_keys_n; k++) {
		if (!k->must || !(key = bh_key_in(k, in)) || bh_yaml_get(n, key))
			continue;
		bh_yaml_path(n, path, sizeof(path));
		return bh_fault_say(f, n->line, n->column, "%s%sthe key '%s' is missing", path,
				    path[0] ? ": " : "", key);
	}
	return 0;
}

int bh_config_check(const struct bh_yaml *tree, struct bh_fault *f)
{
	static const struct bh_key root = { "", .kind = BH_KEY_MAPPING };

	return check_value(&tree->nodes[0], &root, false, f);
}
