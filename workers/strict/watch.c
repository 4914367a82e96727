/* SPDX-License-Identifier: MIT */
/*
 * watch.c: what is watched: the writable data of the module and of the libraries that
 * came with it, or that init() loaded.
 *
 * Not of those that all programs have: the C and C++ libraries keep what they keep (streams,
 * locales, the time zone) for each process, and that is right. Nor of what was there before
 * the module was loaded (LD_PRELOAD), or of what the module names with BH_PRIVATE_LIBRARY().
 */
#include "workers/strict/watch.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "workers/base/rt.h"

struct bh_strict bh_strict;

static const char *const of_all[] = { "ld-linux", "libc",      "libm",      "libpthread",
				      "libdl",    "librt",     "libresolv", "libutil",
				      "libanl",   "libnsl",    "libnss_",   "libstdc++",
				      "libc++",   "libc++abi", "libgcc_s",  "libunwind",
				      "libasan",  "libtsan",   "libubsan",  "linux-vdso" };

/* Names that the module gave, each with its NUL; and how many objects were there first. */
static struct {
	char names[1024];
	size_t bytes;
	unsigned before;
} private_libraries;

static int count(struct dl_phdr_info *o, size_t size, void *n)
{
	(void)o, (void)size;
	++*(unsigned *)n;
	return 0;
}

static __attribute__((constructor)) void note_what_is_there(void)
{
	dl_iterate_phdr(count, &private_libraries.before);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "libz" is libz.so.1 and libz-2.so. */
static bool is_called(const char *file, const char *name)
{
	size_t n = strlen(name);

	return n && !strncmp(file, name, n) &&
	       (name[n - 1] == '_' || !strncmp(name, "ld-", 3) || strchr(".-", file[n]));
}

static bool is_private(const char *file)
{
	for (size_t i = 0; i < sizeof(of_all) / sizeof(*of_all); i++)
		if (is_called(file, of_all[i]))
			return true;
	for (size_t i = 0; i < private_libraries.bytes;
	     i += strlen(private_libraries.names + i) + 1)
		if (is_called(file, private_libraries.names + i))
			return true;
	return false;
}

/* -- segments ------------------------------------------------------------------------------ */

/* Without the pages that the loader made read-only for good. */
static void add_data(struct bh_strict_range data, struct bh_strict_range fixed)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	data.from &= ~(page - 1);
	data.to = (data.to + page - 1) & ~(page - 1);
	fixed.to &= ~(page - 1);
	if (bh_strict_in(&fixed, data.from) || (fixed.from & ~(page - 1)) == data.from)
		data.from = fixed.to > data.from ? fixed.to : data.from;
	if (data.from < data.to && bh_strict.n_data < BH_STRICT_PARTS)
		bh_strict.data[bh_strict.n_data++] = data;
}

static struct bh_strict_range range_of(const struct dl_phdr_info *o, const ElfW(Phdr) * p)
{
	uintptr_t from = o->dlpi_addr + p->p_vaddr;

	return (struct bh_strict_range){ from, from + p->p_memsz };
}

static const ElfW(Phdr) * part_of(const struct dl_phdr_info *o, uint32_t type)
{
	for (int i = 0; i < o->dlpi_phnum; i++)
		if (o->dlpi_phdr[i].p_type == type)
			return &o->dlpi_phdr[i];
	return NULL;
}

static struct bh_strict_range code_of(const struct dl_phdr_info *o)
{
	struct bh_strict_range all = { UINTPTR_MAX, 0 };

	for (int i = 0; i < o->dlpi_phnum; i++) {
		struct bh_strict_range r = range_of(o, &o->dlpi_phdr[i]);

		if (o->dlpi_phdr[i].p_type != PT_LOAD || !(o->dlpi_phdr[i].p_flags & PF_X))
			continue;
		all.from = r.from < all.from ? r.from : all.from;
		all.to = r.to > all.to ? r.to : all.to;
	}
	return all;
}

static bool has(const struct dl_phdr_info *o, uintptr_t at)
{
	for (int i = 0; i < o->dlpi_phnum; i++) {
		struct bh_strict_range r = range_of(o, &o->dlpi_phdr[i]);

		if (o->dlpi_phdr[i].p_type == PT_LOAD && bh_strict_in(&r, at))
			return true;
	}
	return false;
}

static void add(const struct dl_phdr_info *o)
{
	const ElfW(Phdr) *fixed = part_of(o, PT_GNU_RELRO);

	if (bh_strict.n_code == BH_STRICT_OBJECTS)
		return;
	bh_strict.code[bh_strict.n_code++] = code_of(o);
	for (int i = 0; i < o->dlpi_phnum; i++)
		if (o->dlpi_phdr[i].p_type == PT_LOAD && o->dlpi_phdr[i].p_flags & PF_W)
			add_data(range_of(o, &o->dlpi_phdr[i]),
				 fixed ? range_of(o, fixed) : (struct bh_strict_range){ 0 });
}

/* -- what the module marks: sections that only its file names ------------------------------- */

struct module {
	uintptr_t inside, base, tls;
};

static void take_section(const char *name, const ElfW(Shdr) * s, const struct module *m)
{
	struct bh_strict_range r = { m->base + s->sh_addr, m->base + s->sh_addr + s->sh_size };

	if (!strcmp(name, "bh_private"))
		bh_strict.marked = r;
	else if (!strcmp(name, "bh_private_tls"))
		bh_strict.tls_marked = (struct bh_strict_range){ r.from - m->tls, r.to - m->tls };
	else if (!strcmp(name, "bh_private_libraries") &&
		 s->sh_size < sizeof(private_libraries.names)) {
		memcpy(private_libraries.names, (const void *)r.from, s->sh_size);
		private_libraries.bytes = s->sh_size;
	}
}

static void read_sections(const unsigned char *file, size_t bytes, const struct module *m)
{
	const ElfW(Ehdr) *h = (const void *)file;
	const ElfW(Shdr) *s = (const void *)(file + h->e_shoff);

	if (bytes < sizeof(*h) || h->e_shoff > bytes || h->e_shentsize != sizeof(*s) ||
	    h->e_shnum > (bytes - h->e_shoff) / sizeof(*s) || h->e_shstrndx >= h->e_shnum)
		return;
	const ElfW(Shdr) *names = &s[h->e_shstrndx];

	if (names->sh_offset > bytes || !names->sh_size ||
	    names->sh_size > bytes - names->sh_offset ||
	    file[names->sh_offset + names->sh_size - 1])
		return;
	for (unsigned i = 0; i < h->e_shnum; i++)
		if (s[i].sh_name < names->sh_size)
			take_section((const char *)file + names->sh_offset + s[i].sh_name, &s[i],
				     m);
}

static void read_marks(const struct module *m)
{
	int fd = open(bh_rt.plan_service->module, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && st.st_size > 0) {
		void *file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

		if (file != MAP_FAILED) {
			read_sections(file, (size_t)st.st_size, m);
			munmap(file, (size_t)st.st_size);
		}
	}
	close(fd);
}

/* -- all of them --------------------------------------------------------------------------- */

static int find_module(struct dl_phdr_info *o, size_t size, void *arg)
{
	struct module *m = arg;
	const ElfW(Phdr) *tls = part_of(o, PT_TLS);

	(void)size;
	if (!has(o, m->inside))
		return 0;
	m->base = o->dlpi_addr;
	if (tls) {
		m->tls = o->dlpi_addr + tls->p_vaddr;
		bh_strict.tls_module = o->dlpi_tls_modid;
		bh_strict.tls_bytes = tls->p_memsz;
	}
	add(o);
	bh_strict.n_module = bh_strict.n_data;
	return 1;
}

struct libraries {
	const struct module *module;
	unsigned seen;
};

static int find_library(struct dl_phdr_info *o, size_t size, void *arg)
{
	struct libraries *l = arg;
	const char *file = base_name(o->dlpi_name);

	(void)size;
	if (!strncmp(file, "ld-linux", 8))
		bh_strict.loader = code_of(o);
	if (l->seen++ >= private_libraries.before && !has(o, l->module->inside) &&
	    !is_private(file))
		add(o);
	return 0;
}

void bh_strict_find(const void *service)
{
	struct module m = { .inside = (uintptr_t)service };
	struct libraries l = { .module = &m };
	size_t bytes = sizeof(*bh_strict.shared) + bh_rt.v.l.tasks * sizeof(uint64_t);

	if (!dl_iterate_phdr(find_module, &m))
		return;
	read_marks(&m);
	dl_iterate_phdr(find_library, &l);
	void *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (shared != MAP_FAILED)
		bh_strict.shared = shared;
	else
		perror("--strict: nothing is watched");
}

/* -- protecting it -------------------------------------------------------------------------- */

void bh_strict_protect_part(int part, int how)
{
	const struct bh_strict_range *r = &bh_strict.data[part];

	mprotect((void *)r->from, r->to - r->from, how);
}

void bh_strict_protect(int how)
{
	for (uint32_t i = 0; i < bh_strict.n_data; i++)
		bh_strict_protect_part((int)i, how);
}
