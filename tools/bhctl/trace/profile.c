/* SPDX-License-Identifier: MIT */
/*
 * profile.c: bhctl trace profile: where the workers' CPU time goes, as a flame graph
 * (-o FILE.svg), or as folded stacks, a line each, for other tools (-o FILE, or to
 * the standard output): service;task type;outermost function;...;innermost count.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bhctl/bhctl.h"
#include "tools/bhctl/code/symbols.h"
#include "tools/bhctl/show/flame.h"
#include "tools/bhctl/trace/latency.h"
#include "tools/bhctl/trace/pieces.h"
#include "tools/bhctl/trace/recorder.h"

enum {
	SECONDS = 5,
	FRAMES = 48,
	NAME = 200,
	LINE = 16384,
	STRETCH = 1 << 16, /* events */
	MOST = 1 << 19,    /* parts of stacks: 32 MiB */
	BETWEEN = 1, /* until they are sorted: before any letter, so a frame's callees follow it */
};

static struct bh_pieces pieces;
static struct bh_event *kept;
static size_t n_kept, room;

/* Keeps the samples of a recording and their stacks, and nothing else. */
static int each(struct bh_recorder *r)
{
	if (!r->over && r->ready < STRETCH)
		return 0;
	bh_pieces_add(&pieces, r->events, r->ready);
	if (n_kept + r->ready > room) {
		room = 2 * (n_kept + r->ready);
		kept = realloc(kept, room * sizeof(*kept));
		if (!kept)
			abort();
	}
	for (size_t i = 0; i < r->ready; i++)
		if (r->events[i].kind == BH_EV_SAMPLE)
			kept[n_kept++] = r->events[i];
	bh_recorder_drop(r, r->ready);
	if (r->over || pieces.n < MOST)
		return 0;
	fprintf(stderr, "bhctl: stopped after %.1f s: no more than %zu samples are kept\n",
		bh_recorder_seconds(r), n_kept);
	return BH_RECORDER_ENOUGH;
}

static void add(char line[LINE], size_t *n, const char *name)
{
	if (*n + strlen(name) + 2 > LINE)
		return;
	if (*n)
		line[(*n)++] = BETWEEN;
	for (; *name; name++)
		line[(*n)++] = *name == ';' || *name == ' ' ? '_' : *name;
	line[*n] = 0;
}

/*
 * A return address is that of the next instruction; the innermost is none. Functions that
 * keep no frame pointer (of many a library) have put something else in its place, so the
 * walk by it leads astray: from the first address without code on, nothing is known.
 */
static void add_user(char line[LINE], size_t *n, struct bh_symbols *s, uint32_t service,
		     const uint64_t *at, uint32_t frames)
{
	char name[FRAMES][NAME];
	uint32_t known = 0;

	while (known < frames &&
	       bh_symbols_user(s, service, at[known] - (known ? 1 : 0), false, name[known], NAME))
		known++;
	if (known < frames)
		add(line, n, "(unknown)");
	while (known--)
		add(line, n, name[known]);
}

static char *fold(struct bh_symbols *s, const struct bh_recorder *r, const struct bh_event *e)
{
	uint64_t user[FRAMES], kernel[FRAMES];
	uint32_t u = bh_pieces_get(&pieces, e->other, BH_EVM_USER, user, FRAMES);
	uint32_t k = bh_pieces_get(&pieces, e->other, BH_EVM_KERNEL, kernel, FRAMES);
	char line[LINE] = "", name[NAME];
	size_t n = 0;

	add(line, &n, bh_recorder_service(r, e));
	add(line, &n, e->type == BH_EVENT_NO_TYPE ? "(no task)" : bh_recorder_type(r, e));
	add_user(line, &n, s, e->service, user, u);
	while (k--) {
		bh_symbols_kernel(s, kernel[k], name, sizeof(name));
		add(line, &n, name);
	}
	return strdup(line);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted and counted; returns how many different ones there are. */
static size_t fold_all(struct bh_symbols *s, const struct bh_recorder *r,
		       struct bh_flame_stack **out)
{
	char **lines = calloc(n_kept + 1, sizeof(*lines));
	struct bh_flame_stack *stacks = calloc(n_kept + 1, sizeof(*stacks));
	size_t n = 0, different = 0;

	if (!lines || !stacks)
		abort();
	for (size_t i = 0; i < n_kept; i++)
		if ((lines[n] = fold(s, r, &kept[i])))
			n++;
	qsort(lines, n, sizeof(*lines), compare);
	for (size_t i = 0; i < n; i++) {
		if (different && !strcmp(stacks[different - 1].text, lines[i]))
			free(lines[i]);
		else
			stacks[different++].text = lines[i];
		stacks[different - 1].count++;
	}
	for (size_t i = 0; i < different; i++)
		for (char *c = stacks[i].text; *c; c++)
			if (*c == BETWEEN)
				*c = ';';
	free(lines);
	*out = stacks;
	return different;
}

static int write_all(const char *path, const struct bh_flame_stack *stacks, size_t n)
{
	size_t len = path ? strlen(path) : 0;
	FILE *f = path ? fopen(path, "we") : stdout;

	if (f && len > 4 && !strcmp(path + len - 4, ".svg"))
		bh_flame_svg(f, stacks, n);
	else
		for (size_t i = 0; f && i < n; i++)
			fprintf(f, "%s %zu\n", stacks[i].text, stacks[i].count);
	if (!f || fflush(f) || ferror(f) || (path && fclose(f))) {
		fprintf(stderr, "bhctl: cannot write %s: %m\n", path ? path : "the profile");
		return BH_EXIT_SYSTEM;
	}
	return 0;
}

static int report(struct bh_symbols *s, const struct bh_recorder *r, const struct bh_options *o)
{
	struct bh_flame_stack *stacks;
	size_t samples = 0, n = fold_all(s, r, &stacks);
	int code = write_all(o->output, stacks, n);

	for (size_t i = 0; i < n; i++) {
		samples += stacks[i].count;
		free(stacks[i].text);
	}
	free(stacks);
	fprintf(stderr, "bhctl: %zu samples, %zu different stacks, %llu events lost\n", samples, n,
		(unsigned long long)r->lost);
	for (uint32_t i = 0; i < BH_RECORDER_SERVICES; i++)
		if (bh_symbols_missing(s, i))
			fprintf(stderr, "bhctl: no names of functions: %s\n",
				bh_symbols_missing(s, i));
	return code;
}

int bh_profile(const char *url, const struct bh_options *o)
{
	struct bh_symbols *s = NULL;
	struct bh_recorder r;
	int code = bh_linux_view(url, "there are no samples of the CPU");

	if (code)
		return code;
	code = bh_recorder_begin(&r, url, true);
	if (!code)
		code = bh_symbols_open(&s, url);
	if (!code)
		code = bh_recorder_run(&r, o->seconds ? o->seconds : SECONDS, each, true);
	if (!code)
		code = report(s, &r, o);
	bh_symbols_close(s);
	free(kept);
	bh_pieces_fini(&pieces);
	bh_recorder_fini(&r);
	return code;
}
