/* SPDX-License-Identifier: MIT */
#include "tools/bhctl/show/flame.h"

#include <string.h>

enum {
	WIDTH = 1200,
	ROW = 17,
	TOP = 40,
	LETTER = 7, /* about as wide as one is */
	DEEPEST = 128,
};

struct picture {
	FILE *f;
	const struct bh_flame_stack *stacks;
	size_t total, depth;
};

/* The end of the frame that begins at @at. */
static const char *frame_end(const char *at)
{
	return at + strcspn(at, ";");
}

static void put_text(FILE *f, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '<')
			fputs("&lt;", f);
		else if (s[i] == '>')
			fputs("&gt;", f);
		else if (s[i] == '&')
			fputs("&amp;", f);
		else
			fputc(s[i], f);
	}
}

/* The same name has the same colour: kernel code cold, the rest warm. */
static void put_colour(FILE *f, const char *name, size_t n)
{
	unsigned h = 5381;

	for (size_t i = 0; i < n; i++)
		h = h * 33 + (unsigned char)name[i];
	if (n > 4 && !memcmp(name + n - 4, "_[k]", 4))
		fprintf(f, "rgb(%u,%u,%u)", 90 + h % 40, 140 + h / 64 % 60, 220 + h / 4096 % 30);
	else
		fprintf(f, "rgb(%u,%u,%u)", 215 + h % 40, 110 + h / 64 % 110, 50 + h / 4096 % 40);
}

static void put_box(const struct picture *p, size_t depth, size_t from, size_t count,
		    const char *name, size_t len)
{
	double scale = (double)WIDTH / (double)p->total;
	double x = (double)from * scale, w = (double)count * scale;
	size_t y = TOP + (p->depth - depth) * ROW, fits = (size_t)(w / LETTER);

	if (w < 0.2)
		return;
	fprintf(p->f, "<g><title>");
	put_text(p->f, name, len);
	fprintf(p->f,
		": %zu samples, %.1f %%</title><rect x=\"%.1f\" y=\"%zu\" width=\"%.1f\" "
		"height=\"%d\" fill=\"",
		count, 100.0 * (double)count / (double)p->total, x, y, w, ROW - 1);
	put_colour(p->f, name, len);
	fprintf(p->f, "\"/>");
	if (fits > 3) {
		fprintf(p->f, "<text x=\"%.1f\" y=\"%zu\">", x + 2, y + 12);
		put_text(p->f, name, len < fits ? len : fits);
		fprintf(p->f, "</text>");
	}
	fprintf(p->f, "</g>\n");
}

static size_t depth_of(const char *s)
{
	size_t n = 1;

	while ((s = strchr(s, ';')) && n < DEEPEST) {
		s++;
		n++;
	}
	return n;
}

/* Where frame @depth of @s begins; NULL: it is not so deep. */
static const char *frame_at(const char *s, size_t depth)
{
	while (s && depth--) {
		s = strchr(s, ';');
		s = s ? s + 1 : NULL;
	}
	return s;
}

/* One row: neighbours that are the same up to this frame are one box. */
static void put_row(const struct picture *p, size_t n, size_t depth)
{
	size_t before = 0;

	for (size_t i = 0; i < n;) {
		const char *s = p->stacks[i].text, *at = frame_at(s, depth);
		size_t k = i + 1, count = p->stacks[i].count;

		if (at) {
			size_t len = (size_t)(frame_end(at) - s);
			for (; k < n && !strncmp(p->stacks[k].text, s, len) &&
			       (!p->stacks[k].text[len] || p->stacks[k].text[len] == ';');
			     k++)
				count += p->stacks[k].count;
			put_box(p, depth, before, count, at, (size_t)(frame_end(at) - at));
		}
		before += count;
		i = k;
	}
}

void bh_flame_svg(FILE *f, const struct bh_flame_stack *stacks, size_t n)
{
	struct picture p = { .f = f, .stacks = stacks };

	for (size_t i = 0; i < n; i++) {
		size_t d = depth_of(stacks[i].text);

		p.total += stacks[i].count;
		p.depth = d > p.depth ? d : p.depth;
	}
	fprintf(f,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%zu\" "
		"font-family=\"monospace\" font-size=\"11\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n"
		"<text x=\"8\" y=\"20\" font-size=\"14\">CPU time of the workers: %zu "
		"samples</text>\n",
		WIDTH, TOP + (p.depth + 2) * ROW, p.total);
	for (size_t d = 0; p.total && d < p.depth; d++)
		put_row(&p, n, d);
	fprintf(f, "</svg>\n");
}
