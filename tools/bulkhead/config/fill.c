/* SPDX-License-Identifier: MIT */
#include "tools/bulkhead/config/fill.h"

#include <stdio.h>
#include <string.h>

#include "tools/bulkhead/config/keys.h"
#include "tools/bulkhead/config/value.h"

static uint64_t spin_of(const char *text)
{
	uint64_t us;

	if (!bh_value_us(text, &us))
		return BH_SPIN_AUTO;
	return us ? us : BH_SPIN_NEVER;
}

static uint64_t word_of(const struct bh_key *k, const char *text)
{
	uint64_t i = 0;

	while (k->words[i] && strcmp(k->words[i], text) != 0)
		i++;
	return i;
}

static void store(const struct bh_key *k, const char *text, char *to)
{
	uint64_t v = 0;

	switch (k->kind) {
	case BH_KEY_NAME:
		snprintf(to, k->size, "%s", text);
		return;
	case BH_KEY_NUMBER:
		bh_value_number(text, &v);
		break;
	case BH_KEY_MS:
		bh_value_ms(text, &v);
		break;
	case BH_KEY_BYTES:
		bh_value_bytes(text, &v);
		break;
	case BH_KEY_SPIN:
		v = spin_of(text);
		break;
	case BH_KEY_WORD:
		v = word_of(k, text);
		break;
	default:
		v = !strcmp(text, "true");
	}
	if (k->size == sizeof(v))
		memcpy(to, &v, sizeof(v));
	else
		memcpy(to, &(uint32_t){ (uint32_t)v }, sizeof(uint32_t));
}

/* Fills in one kind of keys: @service: the keys whose paths begin with "services.". */
static void fill(void *to, const struct bh_yaml_node *node, bool service)
{
	static const char begin[] = "services.";

	for (const struct bh_key *k = bh_keys; k < bh_keys + bh_keys_n; k++) {
		bool of_service = !strncmp(k->path, begin, strlen(begin));

		if (!k->size || of_service != service)
			continue;
		const char *text = bh_yaml_text(node, k->path + (service ? strlen(begin) : 0));
		if (!text)
			text = k->standard;
		if (text)
			store(k, text, (char *)to + k->at);
	}
}

void bh_config_fill_system(struct bh_plan *plan, const struct bh_yaml_node *node)
{
	fill(plan, node, false);
}

void bh_config_fill_service(struct bh_plan_service *s, const struct bh_yaml_node *node)
{
	fill(s, node, true);
}
