/* SPDX-License-Identifier: MIT */
#include "tools/bulkhead/config/yaml_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

struct builder {
	struct bh_yaml *y;
	struct bh_fault *f;
	struct bh_yaml_node *in; /* the open sequence or mapping; NULL: the top */
	uint32_t depth;
	char *key; /* the key that waits for its value */
	yaml_mark_t key_mark;
	uint32_t documents;
};

static int fault_at(struct builder *b, yaml_mark_t m, const char *what)
{
	return bh_fault_say(b->f, (uint32_t)m.line + 1, (uint32_t)m.column + 1, "%s", what);
}

static int take_key(struct builder *b, const yaml_event_t *e)
{
	const char *key = (const char *)e->data.scalar.value;
	char quoted[BH_QUOTE_BYTES];

	if (e->type != YAML_SCALAR_EVENT)
		return fault_at(b, e->start_mark, "a key must be a word");
	if (strlen(key) != e->data.scalar.length)
		return fault_at(b, e->start_mark, "a key with a NUL byte");
	if (bh_yaml_get(b->in, key))
		return bh_fault_say(b->f, (uint32_t)e->start_mark.line + 1,
				    (uint32_t)e->start_mark.column + 1,
				    "the key %s stands here twice", bh_quote(quoted, key));
	b->key = strdup(key);
	b->key_mark = e->start_mark;
	return b->key ? 0 : bh_fault_say(b->f, 0, 0, "out of memory");
}

static void link_node(struct builder *b, struct bh_yaml_node *n)
{
	n->parent = b->in;
	if (!b->in)
		return;
	n->index = b->in->last ? b->in->last->index + 1 : 0;
	if (b->in->last)
		b->in->last->next = n;
	else
		b->in->first = n;
	b->in->last = n;
}

static int add(struct builder *b, const yaml_event_t *e, enum bh_yaml_kind kind,
	       struct bh_yaml_node **out)
{
	struct bh_yaml_node *n = &b->y->nodes[b->y->n];

	if (b->y->n == BH_YAML_NODES)
		return fault_at(b, e->start_mark, "too much for a configuration");
	b->y->n++;
	*n = (struct bh_yaml_node){ .kind = kind,
				    .line = (uint32_t)e->start_mark.line + 1,
				    .column = (uint32_t)e->start_mark.column + 1,
				    .key = b->key };
	n->key_line = b->key ? (uint32_t)b->key_mark.line + 1 : n->line;
	n->key_column = b->key ? (uint32_t)b->key_mark.column + 1 : n->column;
	b->key = NULL;
	link_node(b, n);
	*out = n;
	return 0;
}

static int add_scalar(struct builder *b, const yaml_event_t *e)
{
	const char *value = (const char *)e->data.scalar.value;
	struct bh_yaml_node *n;
	int err = add(b, e, BH_YAML_SCALAR, &n);

	if (err)
		return err;
	if (strlen(value) != e->data.scalar.length)
		return fault_at(b, e->start_mark, "a value with a NUL byte");
	n->value = strdup(value);
	return n->value ? 0 : bh_fault_say(b->f, 0, 0, "out of memory");
}

static int open_node(struct builder *b, const yaml_event_t *e, enum bh_yaml_kind kind)
{
	struct bh_yaml_node *n;
	int err = add(b, e, kind, &n);

	if (err)
		return err;
	if (++b->depth > BH_YAML_DEPTH)
		return fault_at(b, e->start_mark, "nested too deeply for a configuration");
	b->in = n;
	return 0;
}

static int take(struct builder *b, const yaml_event_t *e)
{
	bool node = e->type == YAML_SCALAR_EVENT || e->type == YAML_SEQUENCE_START_EVENT ||
		    e->type == YAML_MAPPING_START_EVENT;

	if (e->type == YAML_ALIAS_EVENT)
		return fault_at(b, e->start_mark,
				"aliases (*name) are not supported: write the value out");
	if (node && b->in && b->in->kind == BH_YAML_MAPPING && !b->key)
		return take_key(b, e);
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		return b->documents++ ? fault_at(b, e->start_mark,
						 "a second document: a configuration is one") :
					0;
	case YAML_SCALAR_EVENT:
		return add_scalar(b, e);
	case YAML_SEQUENCE_START_EVENT:
		return open_node(b, e, BH_YAML_SEQUENCE);
	case YAML_MAPPING_START_EVENT:
		return open_node(b, e, BH_YAML_MAPPING);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		b->in = b->in->parent;
		b->depth--;
		return 0;
	default:
		return 0;
	}
}

/* Bytes that are no text are reported by offset alone. */
static int syntax_fault(struct bh_yaml *y, const yaml_parser_t *p, struct bh_fault *f)
{
	uint32_t line = (uint32_t)p->problem_mark.line + 1;
	uint32_t column = (uint32_t)p->problem_mark.column + 1;

	if (p->error == YAML_READER_ERROR) {
		line = column = 1;
		for (size_t i = 0; i < p->problem_offset && i < y->bytes; i++) {
			column = y->text[i] == '\n' ? 1 : column + 1;
			line += y->text[i] == '\n';
		}
	}
	return bh_fault_say(f, line, column, "this is not YAML: %s%s%s",
			    p->problem ? p->problem : "out of memory", p->context ? ", " : "",
			    p->context ? p->context : "");
}

static int events(struct builder *b, yaml_parser_t *p)
{
	yaml_event_t e;
	bool end = false;
	int err = 0;

	while (!end && !err) {
		if (!yaml_parser_parse(p, &e))
			return syntax_fault(b->y, p, b->f);
		end = e.type == YAML_STREAM_END_EVENT;
		err = take(b, &e);
		yaml_event_delete(&e);
	}
	return err;
}

static int parse(struct bh_yaml *y, struct bh_fault *f)
{
	struct builder b = { .y = y, .f = f };
	const unsigned char *t = (const unsigned char *)y->text;
	yaml_parser_t p;

	if ((y->bytes >= 3 && !memcmp(t, "\xef\xbb\xbf", 3)) ||
	    (y->bytes >= 2 && (!memcmp(t, "\xff\xfe", 2) || !memcmp(t, "\xfe\xff", 2))))
		return bh_fault_say(f, 1, 1, "a byte order mark: save it as UTF-8 without one");
	y->nodes = calloc(BH_YAML_NODES, sizeof(*y->nodes));
	if (!y->nodes || !yaml_parser_initialize(&p))
		return bh_fault_say(f, 0, 0, "out of memory");
	yaml_parser_set_encoding(&p, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&p, t, y->bytes);
	int err = events(&b, &p);
	free(b.key);
	yaml_parser_delete(&p);
	if (!err && !y->n)
		err = bh_fault_say(f, 0, 0,
				   "it is empty: a configuration names at least one service");
	return err;
}

int bh_yaml_parse(struct bh_yaml *y, const char *text, size_t bytes, struct bh_fault *f)
{
	memset(y, 0, sizeof(*y));
	if (bytes > BH_YAML_BYTES)
		return bh_fault_say(f, 0, 0, "over %u KiB: this is no configuration",
				    BH_YAML_BYTES / 1024);
	y->text = malloc(bytes + 1);
	if (!y->text)
		return bh_fault_say(f, 0, 0, "out of memory");
	memcpy(y->text, text, bytes);
	y->text[bytes] = '\0';
	y->bytes = bytes;
	return parse(y, f);
}

static int read_all(int fd, char *out, size_t size, size_t *got)
{
	ssize_t n;

	*got = 0;
	while (*got < size && (n = read(fd, out + *got, size - *got)) != 0) {
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			*got += (size_t)n;
	}
	return 0;
}

int bh_yaml_read(struct bh_yaml *y, const char *path, struct bh_fault *f)
{
	/* Without O_NONBLOCK the open of a FIFO waits for a writer; with it, reads do
	 * not wait for a writer's data. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err;
	char *text;
	size_t got;

	memset(y, 0, sizeof(*y));
	if (fd < 0)
		return bh_fault_say(f, 0, 0, "cannot be opened: %s", strerror(errno));
	fcntl(fd, F_SETFL, 0);
	text = malloc(BH_YAML_BYTES + 1);
	err = text ? read_all(fd, text, BH_YAML_BYTES + 1, &got) : -ENOMEM;
	close(fd);
	err = err ? bh_fault_say(f, 0, 0, "cannot be read: %s", strerror(-err)) :
		    bh_yaml_parse(y, text, got, f);
	free(text);
	return err;
}

void bh_yaml_free(struct bh_yaml *y)
{
	for (uint32_t i = 0; i < y->n; i++) {
		free(y->nodes[i].key);
		free(y->nodes[i].value);
	}
	free(y->nodes);
	free(y->text);
	memset(y, 0, sizeof(*y));
}

const struct bh_yaml_node *bh_yaml_get(const struct bh_yaml_node *node, const char *key)
{
	const struct bh_yaml_node *n = node ? node->first : NULL;

	while (n && (!n->key || strcmp(n->key, key)))
		n = n->next;
	return n;
}

const struct bh_yaml_node *bh_yaml_find(const struct bh_yaml_node *node, const char *path)
{
	char key[64];

	for (size_t n; node && *path; path += n + (path[n] == '.')) {
		n = strcspn(path, ".");
		snprintf(key, sizeof(key), "%.*s", (int)n, path);
		node = bh_yaml_get(node, key);
	}
	return node;
}

const char *bh_yaml_text(const struct bh_yaml_node *node, const char *path)
{
	node = bh_yaml_find(node, path);
	return node ? node->value : NULL;
}

const struct bh_yaml_node *bh_yaml_at(const struct bh_yaml_node *node, uint32_t i)
{
	const struct bh_yaml_node *n = node ? node->first : NULL;

	while (n && n->index != i)
		n = n->next;
	return n;
}

const char *bh_yaml_path(const struct bh_yaml_node *node, char *out, size_t size)
{
	const struct bh_yaml_node *chain[BH_YAML_DEPTH + 2];
	size_t n = 0, depth = 0;

	for (; node->parent && depth < BH_YAML_DEPTH + 2; node = node->parent)
		chain[depth++] = node;
	out[0] = '\0';
	while (depth-- && n < size) {
		const struct bh_yaml_node *at = chain[depth];
		int w = at->key ? snprintf(out + n, size - n, "%s%.40s", n ? "." : "", at->key) :
				  snprintf(out + n, size - n, "[%u]", at->index);
		n += (size_t)w;
	}
	return out;
}
