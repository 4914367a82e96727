/* SPDX-License-Identifier: MIT */
/* print.c: the table of keys as docs/configuration.md has it, section by section. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/bulkhead/config/config.h"
#include "tools/bulkhead/config/keys.h"
#include "tools/bulkhead/config/value.h"

static const char *time_text(uint64_t ms, char out[24])
{
	return ms ? bh_value_ms_text(ms, out) : "0";
}

static void print_value(const struct bh_key *k)
{
	char lo[24], hi[24];

	if (k->value) {
		printf("%s", k->value);
		return;
	}
	switch (k->kind) {
	case BH_KEY_NUMBER:
		printf("%" PRIu64 " to %" PRIu64, k->lo, k->hi);
		break;
	case BH_KEY_MS:
		printf("a time, %s to %s", time_text(k->lo, lo), time_text(k->hi, hi));
		break;
	case BH_KEY_BYTES:
		printf("a size, %s to %s", bh_value_bytes_text(k->lo, lo),
		       bh_value_bytes_text(k->hi, hi));
		break;
	case BH_KEY_BOOL:
		printf("`true` or `false`");
		break;
	case BH_KEY_WORD:
		for (size_t i = 0; k->words[i]; i++)
			printf("%s`%s`", i ? ", " : "", k->words[i]);
		break;
	default:
		break;
	}
}

static void print_key(const struct bh_key *k, const char *name)
{
	const char *quote = k->kind == BH_KEY_NUMBER ? "" : "`";

	printf("| `%s` | ", name);
	print_value(k);
	if (k->otherwise)
		printf(" | %s", k->otherwise);
	else if (k->must)
		printf(" | must be there");
	else
		printf(" | %s%s%s", quote, k->standard, quote);
	printf(" | %s |\n", k->meaning);
}

static void print_section(const char *title, const char *path)
{
	const char *name;

	printf("%s\n\n| key | value | default | meaning |\n|---|---|---|---|\n", title);
	for (const struct bh_key *k = bh_keys; k < bh_keys + bh_keys_n; k++)
		if (k->meaning && (name = bh_key_in(k, path)))
			print_key(k, name);
	putchar('\n');
}

void bh_config_print(void)
{
	char title[64];
	const char *name;

	print_section("## The system", "");
	print_section("## A service", "services");
	for (const struct bh_key *k = bh_keys; k < bh_keys + bh_keys_n; k++) {
		if (k->kind != BH_KEY_MAPPING || !(name = bh_key_in(k, "services")))
			continue;
		snprintf(title, sizeof(title), "### `%s`", name);
		print_section(title, k->path);
	}
}
