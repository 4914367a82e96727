/* SPDX-License-Identifier: MIT */
/*
 * config_check.c: the first pass over a configuration: the tree beside
 * libcyaml's schema (keys, shapes), and beside the rules below (values).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "config_schema.h"
#include "config_value.h"
#include "place.h"

enum rule_kind {
	RULE_NUMBER,
	RULE_MS,
	RULE_SPIN, /* hi: us */
	RULE_BYTES,
	RULE_NAME, /* hi: bytes with the NUL */
	RULE_TEXT, /* the same */
	RULE_ADDRESS,
	RULE_ADMIN,
};

/* What the scalar at a path may be; sequences are not seen in the path. */
static const struct rule {
	const char *path;
	enum rule_kind kind;
	uint64_t lo, hi;
} rules[] = {
	{ "admin", RULE_ADMIN, 0, 0 },
	{ "grace", RULE_MS, 0, 3600000 },
	{ "services.name", RULE_NAME, 1, sizeof(((struct bh_plan_service *)0)->name) },
	{ "services.module", RULE_TEXT, 1, sizeof(((struct bh_plan_service *)0)->module) },
	{ "services.workers", RULE_NUMBER, 1, BH_MAX_WORKERS },
	{ "services.max_workers", RULE_NUMBER, 1, BH_MAX_WORKERS },
	{ "services.listen", RULE_ADDRESS, 0, 0 },
	{ "services.user", RULE_TEXT, 1, 128 },
	{ "services.limits.tasks", RULE_NUMBER, 64, 1u << 24 },
	{ "services.limits.io", RULE_NUMBER, 64, 1000000 },
	{ "services.limits.memory", RULE_BYTES, 16ull << 20, 1ull << 40 },
	{ "services.blocking.max", RULE_NUMBER, 1, BH_MAX_BLOCKING },
	{ "services.blocking.keep_alive", RULE_MS, 1, 24 * 3600000 },
	{ "services.crash.intensity", RULE_NUMBER, 0, BH_PLAN_INTENSITY },
	{ "services.crash.period", RULE_MS, 1, 24 * 3600000 },
	{ "services.crash.exempt", RULE_NAME, 1, sizeof(((struct bh_plan_service *)0)->name) + 8 },
	{ "services.start.timeout", RULE_MS, 0, 24 * 3600000 },
	{ "services.restart.intensity", RULE_NUMBER, 0, BH_PLAN_INTENSITY },
	{ "services.restart.period", RULE_MS, 1, 24 * 3600000 },
	{ "services.restart.backoff_min", RULE_MS, 1, 3600000 },
	{ "services.restart.backoff_max", RULE_MS, 1, 3600000 },
	{ "services.hang.report_after", RULE_MS, 0, 24 * 3600000 },
	{ "services.hang.kill_after", RULE_MS, 0, 24 * 3600000 },
	{ "services.hog.after", RULE_MS, 0, 24 * 3600000 },
	{ "services.scheduler.inject_interval", RULE_NUMBER, 1, 1000000 },
	{ "services.scheduler.event_interval", RULE_NUMBER, 1, 1000000 },
	{ "services.scheduler.budget", RULE_NUMBER, 1, 1000000 },
	{ "services.scheduler.lifo", RULE_NUMBER, 1, 1000 },
	{ "services.scheduler.seed", RULE_NUMBER, 1, UINT32_MAX },
	{ "services.scheduler.spin", RULE_SPIN, 0, BH_SPIN_MAX },
};

static const struct rule *rule_of(const struct bh_yaml_node *n)
{
	const char *chain[BH_YAML_DEPTH + 2];
	char path[256] = "";
	size_t depth = 0, at = 0;

	for (; n && depth < BH_YAML_DEPTH + 2; n = n->parent)
		if (n->key)
			chain[depth++] = n->key;
	while (depth-- && at < sizeof(path))
		at += (size_t)snprintf(path + at, sizeof(path) - at, "%s%s", at ? "." : "",
				       chain[depth]);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (!strcmp(path, rules[i].path))
			return &rules[i];
	return NULL;
}

static bool obeys(const struct rule *r, const char *value)
{
	char room[BH_PLACE_BYTES];
	uint64_t v = 0;

	switch (r->kind) {
	case RULE_NUMBER:
		return bh_value_number(value, &v) && v >= r->lo && v <= r->hi;
	case RULE_MS:
		return bh_value_ms(value, &v) && v >= r->lo && v <= r->hi;
	case RULE_SPIN:
		return !strcmp(value, "auto") || (bh_value_us(value, &v) && v <= r->hi);
	case RULE_BYTES:
		return bh_value_bytes(value, &v) && v >= r->lo && v <= r->hi;
	case RULE_NAME:
		return bh_value_name(value, r->hi);
	case RULE_TEXT:
		return value[0] && strlen(value) < r->hi;
	case RULE_ADDRESS:
		return bh_value_listen(value);
	case RULE_ADMIN:
		return !bh_place_path(value, room);
	}
	return false;
}

static void say_rule(const struct rule *r, char *out, size_t size)
{
	char lo[24], hi[24];

	switch (r->kind) {
	case RULE_NUMBER:
		snprintf(out, size, "a whole number from %llu to %llu", (unsigned long long)r->lo,
			 (unsigned long long)r->hi);
		break;
	case RULE_MS:
		snprintf(out, size, "a time from %s to %s, such as 500ms, 2s or 1m",
			 bh_value_ms_text(r->lo, lo), bh_value_ms_text(r->hi, hi));
		break;
	case RULE_SPIN:
		snprintf(out, size, "auto, 0, or a time up to %lluus, such as 20us",
			 (unsigned long long)r->hi);
		break;
	case RULE_BYTES:
		snprintf(out, size, "a size from %s to %s, such as 512M",
			 bh_value_bytes_text(r->lo, lo), bh_value_bytes_text(r->hi, hi));
		break;
	case RULE_NAME:
		snprintf(out, size, "a name of letters, digits, '_', '-', '.', at most %llu long",
			 (unsigned long long)r->hi - 1);
		break;
	case RULE_TEXT:
		snprintf(out, size, "a text, at most %llu bytes long",
			 (unsigned long long)r->hi - 1);
		break;
	case RULE_ADDRESS:
		snprintf(out, size, BH_VALUE_LISTEN);
		break;
	case RULE_ADMIN:
		snprintf(out, size, "ipc:// and an absolute path of at most %d bytes",
			 BH_PLACE_BYTES - 1);
		break;
	}
}

/* What the schema, or a rule, would have at @n. */
static void say_expected(const struct bh_yaml_node *n, const cyaml_schema_value_t *s, char *out,
			 size_t size)
{
	const struct rule *r = rule_of(n);
	size_t at = 0;

	switch (s->type) {
	case CYAML_MAPPING:
		snprintf(out, size, "a mapping (key: value)");
		return;
	case CYAML_SEQUENCE:
		snprintf(out, size, "a sequence of at most %u ([a, b] or lines that begin with -)",
			 s->sequence.max);
		return;
	case CYAML_BOOL:
		snprintf(out, size, "true or false");
		return;
	case CYAML_ENUM:
		for (uint32_t i = 0; i < s->enumeration.count && at < size; i++)
			at += (size_t)snprintf(out + at, size - at, "%s%s", i ? ", " : "",
					       s->enumeration.strings[i].str);
		return;
	default:
		break;
	}
	if (r)
		say_rule(r, out, size);
	else
		snprintf(out, size, "a text");
}

static int wrong(const struct bh_yaml_node *n, const cyaml_schema_value_t *s, struct bh_fault *f)
{
	static const char *const kinds[] = { "", "a sequence", "a mapping" };
	char path[128], expected[200], quoted[BH_QUOTE_BYTES];

	say_expected(n, s, expected, sizeof(expected));
	bh_yaml_path(n, path, sizeof(path));
	return bh_fault(f, n->line, n->column, "%s%sexpected %s, not %s", path, path[0] ? ": " : "",
			expected,
			n->kind == BH_YAML_SCALAR ? bh_quote(quoted, n->value) : kinds[n->kind]);
}

static bool scalar_fits(const struct bh_yaml_node *n, const cyaml_schema_value_t *s)
{
	const struct rule *r = rule_of(n);

	if (s->type == CYAML_BOOL)
		return !strcmp(n->value, "true") || !strcmp(n->value, "false");
	if (s->type == CYAML_ENUM) {
		for (uint32_t i = 0; i < s->enumeration.count; i++)
			if (!strcmp(n->value, s->enumeration.strings[i].str))
				return true;
		return false;
	}
	return !r || obeys(r, n->value);
}

/* The values under `options` are for the service to read. */
static int check_options(const struct bh_yaml_node *n, struct bh_fault *f)
{
	const struct bh_plan_option *o = NULL;
	const struct bh_yaml_node *v;
	char quoted[BH_QUOTE_BYTES];
	uint32_t count = 0;

	if (n->kind != BH_YAML_MAPPING)
		return bh_fault(f, n->line, n->column,
				"options: expected a mapping (key: value) of texts");
	for (v = n->first; v; v = v->next) {
		if (++count > BH_PLAN_OPTIONS)
			return bh_fault(f, v->key_line, v->key_column,
					"options: more than %d, the most a service may have",
					BH_PLAN_OPTIONS);
		if (!bh_value_name(v->key, sizeof(o->key)))
			return bh_fault(f, v->key_line, v->key_column,
					"options: %s is no name of letters, digits, '_', '-', '.', "
					"at most %zu long",
					bh_quote(quoted, v->key), sizeof(o->key) - 1);
		if (v->kind != BH_YAML_SCALAR || strlen(v->value) >= sizeof(o->value))
			return bh_fault(f, v->line, v->column,
					"options: %s: expected a text, at most %zu bytes long",
					bh_quote(quoted, v->key), sizeof(o->value) - 1);
	}
	return 0;
}

static int unknown_key(const struct bh_yaml_node *n, const cyaml_schema_field_t *fields,
		       struct bh_fault *f)
{
	char path[128], quoted[BH_QUOTE_BYTES], known[200] = "";
	size_t at = 0;

	for (; fields->key && at < sizeof(known); fields++)
		at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%s", at ? ", " : "",
				       fields->key);
	bh_yaml_path(n->parent, path, sizeof(path));
	return bh_fault(f, n->key_line, n->key_column, "%s%sunknown key %s; known here: %s", path,
			path[0] ? ": " : "", bh_quote(quoted, n->key), known);
}

static int check_mapping(const struct bh_yaml_node *n, const cyaml_schema_value_t *s,
			 struct bh_fault *f);

/* Depth is bounded by the schema's, which is not recursive. */
static int check_node(const struct bh_yaml_node *n, const cyaml_schema_value_t *s,
		      struct bh_fault *f)
{
	uint32_t count = 0;

	switch (s->type) {
	case CYAML_IGNORE:
		return check_options(n, f);
	case CYAML_MAPPING:
		return n->kind == BH_YAML_MAPPING ? check_mapping(n, s, f) : wrong(n, s, f);
	case CYAML_SEQUENCE:
		if (n->kind != BH_YAML_SEQUENCE)
			return wrong(n, s, f);
		for (const struct bh_yaml_node *e = n->first; e; e = e->next) {
			if (++count > s->sequence.max)
				return bh_fault(f, e->line, e->column,
						"%s: more than %u, the most there may be", n->key,
						s->sequence.max);
			if (check_node(e, s->sequence.entry, f))
				return -EINVAL;
		}
		return count < s->sequence.min ?
			       bh_fault(f, n->line, n->column, "%s: at least %u must be there",
					n->key, s->sequence.min) :
			       0;
	default:
		return n->kind == BH_YAML_SCALAR && scalar_fits(n, s) ? 0 : wrong(n, s, f);
	}
}

static int check_mapping(const struct bh_yaml_node *n, const cyaml_schema_value_t *s,
			 struct bh_fault *f)
{
	const cyaml_schema_field_t *field;
	const struct bh_yaml_node *v;
	char path[128];

	for (v = n->first; v; v = v->next) {
		for (field = s->mapping.fields; field->key; field++)
			if (!strcmp(field->key, v->key))
				break;
		if (!field->key)
			return unknown_key(v, s->mapping.fields, f);
		if (check_node(v, &field->value, f))
			return -EINVAL;
	}
	for (field = s->mapping.fields; field->key; field++)
		if (!(field->value.flags & CYAML_FLAG_OPTIONAL) && !bh_yaml_get(n, field->key)) {
			bh_yaml_path(n, path, sizeof(path));
			return bh_fault(f, n->line, n->column, "%s%sthe key '%s' is missing", path,
					path[0] ? ": " : "", field->key);
		}
	return 0;
}

int bh_config_check(const struct bh_yaml *tree, struct bh_fault *f)
{
	return check_node(&tree->nodes[0], &bh_config_schema, f);
}
