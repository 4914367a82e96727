/* SPDX-License-Identifier: MIT */
#include "workers/base/symbols.h"

#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	OBJECTS = 64,
	SECTIONS = 4096,
	TABLE_MAX = 64 << 20, /* bytes; a larger table is left out */
};

/* Functions of one file that is loaded. */
struct object {
	uint64_t base;
	ElfW(Sym) * sym;
	size_t n;
	char *text; /* their names; ends with a NUL */
	size_t bytes;
};

static struct object objects[OBJECTS];
static uint32_t n_objects;

static void *read_part(int fd, uint64_t at, uint64_t bytes)
{
	char *p = bytes && bytes <= TABLE_MAX ? malloc(bytes + 1) : NULL;

	if (p && pread(fd, p, bytes, (off_t)at) == (ssize_t)bytes) {
		p[bytes] = '\0';
		return p;
	}
	free(p);
	return NULL;
}

/* Keeps functions alone. */
static void pick_functions(struct object *o)
{
	size_t n = 0;

	for (size_t i = 0; i < o->n; i++)
		if ((o->sym[i].st_info & 0xf) == STT_FUNC && o->sym[i].st_value &&
		    o->sym[i].st_name < o->bytes)
			o->sym[n++] = o->sym[i];
	o->n = n;
	ElfW(Sym) *fewer = realloc(o->sym, n ? n * sizeof(*fewer) : 1);
	if (fewer)
		o->sym = fewer;
}

static bool read_tables(struct object *o, int fd, const ElfW(Shdr) * s, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (s[i].sh_type != SHT_SYMTAB || s[i].sh_link >= n)
			continue;
		o->n = s[i].sh_size / sizeof(*o->sym);
		o->bytes = s[s[i].sh_link].sh_size;
		o->sym = read_part(fd, s[i].sh_offset, s[i].sh_size);
		o->text = read_part(fd, s[s[i].sh_link].sh_offset, o->bytes);
		if (o->sym && o->text)
			return true;
		free(o->sym);
		free(o->text);
	}
	return false;
}

/* Is the file on @fd the one that is loaded, or one that has taken its name since? By the
 * segments, and by the notes, where the linker's build id is. */
static bool is_loaded(const struct dl_phdr_info *info, int fd, const ElfW(Ehdr) * h)
{
	size_t bytes = info->dlpi_phnum * sizeof(ElfW(Phdr));
	ElfW(Phdr) *p = read_part(fd, h->e_phoff, bytes);
	bool same = p && h->e_phnum == info->dlpi_phnum && !memcmp(p, info->dlpi_phdr, bytes);

	for (uint32_t i = 0; same && i < h->e_phnum; i++) {
		if (p[i].p_type != PT_NOTE || !p[i].p_filesz)
			continue;
		void *note = read_part(fd, p[i].p_offset, p[i].p_filesz);
		const void *here = (const void *)(uintptr_t)(info->dlpi_addr + p[i].p_vaddr);

		same = note && !memcmp(note, here, p[i].p_filesz);
		free(note);
	}
	free(p);
	return same;
}

static bool read_object(struct object *o, const char *file, const struct dl_phdr_info *info)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ElfW(Ehdr) h;
	bool found = false;

	if (fd < 0)
		return false;
	if (pread(fd, &h, sizeof(h), 0) == (ssize_t)sizeof(h) &&
	    !memcmp(h.e_ident, ELFMAG, SELFMAG) && h.e_shentsize == sizeof(ElfW(Shdr)) &&
	    h.e_shnum <= SECTIONS && is_loaded(info, fd, &h)) {
		ElfW(Shdr) *s = read_part(fd, h.e_shoff, (uint64_t)h.e_shnum * sizeof(*s));

		found = s && read_tables(o, fd, s, h.e_shnum);
		free(s);
	}
	close(fd);
	if (found)
		pick_functions(o);
	return found;
}

static int add(struct dl_phdr_info *info, size_t size, void *first)
{
	bool *is_program = first;
	const char *file = *is_program ? "/proc/self/exe" : info->dlpi_name;

	(void)size;
	*is_program = false;
	if (n_objects < OBJECTS && *file) {
		struct object o = { .base = info->dlpi_addr };

		if (read_object(&o, file, info))
			objects[n_objects++] = o;
	}
	return 0;
}

void bh_symbols_load(void)
{
	bool first = true;

	dl_iterate_phdr(add, &first);
}

bool bh_symbols_name(uint64_t address, char *name, size_t size)
{
	for (uint32_t i = 0; i < n_objects; i++)
		for (size_t k = 0; k < objects[i].n; k++)
			if (objects[i].base + objects[i].sym[k].st_value == address) {
				bh_symbols_plain(objects[i].text + objects[i].sym[k].st_name, name,
						 size);
				return *name;
			}
	return false;
}

/* -- names ------------------------------------------------------------------------- */

struct out {
	char *name;
	size_t n, size;
};

static void put(struct out *o, const char *part, size_t len)
{
	if (o->n)
		for (int i = 0; i < 2 && o->n + 1 < o->size; i++)
			o->name[o->n++] = ':';
	for (; len && o->n + 1 < o->size; len--)
		o->name[o->n++] = *part++;
	o->name[o->n] = '\0';
}

/* "4shop3pay" and so on, with an L before what is static. */
static const char *put_sources(struct out *o, const char *s)
{
	for (;;) {
		const char *digits = *s == 'L' ? s + 1 : s;
		char *part;
		unsigned long len = strtoul(digits, &part, 10);

		if (*digits < '1' || *digits > '9' || len > strlen(part))
			return s;
		if (strncmp(part, "_GLOBAL__N", 10) != 0)
			put(o, part, len);
		s = part + len;
	}
}

/* What bulkhead.hpp makes of a lambda or a struct; whose name comes next. */
static const char callable[] = "_ZN2bh6detail8callableI";

void bh_symbols_plain(const char *symbol, char *name, size_t size)
{
	struct out o = { .name = name, .size = size };
	size_t prefix = strncmp(symbol, callable, sizeof(callable) - 1) ? 2 : sizeof(callable) - 1;
	const char *s = symbol + prefix;

	*name = '\0';
	if (!strncmp(symbol, "_Z", 2)) {
		s += strspn(s, "Z");
		s += strspn(s, "NK");
		s = put_sources(&o, s);
		if (o.n && symbol[prefix] == 'Z' && strstr(s, "Ul"))
			put(&o, "lambda", 6);
	}
	if (!o.n)
		put(&o, symbol, *symbol == '.' ? 0 : strcspn(symbol, "."));
}
