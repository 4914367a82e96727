/* SPDX-License-Identifier: MIT */
/*
 * bulkhead-strict: writes the report line for workers/strict/tell.c: the task, its access, the
 * memory, the place in the code, and the remedy. Started by the worker concerned, which waits
 * for it.
 *
 * usage: bulkhead-strict PID KIND PLACE CALLER OBJECT WHO
 *
 * CALLER: of the library that PLACE is in; 0: PLACE is the module's. OBJECT: an address,
 * thread-locals' offsets, or the memory's owner, depending on KIND.
 */
#include <dwarf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/bhctl/code/code.h"

enum {
	LINE = 2048,
	PART = 600,
};

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static const char *file_of(Dwfl_Module *m)
{
	return m ? base(dwfl_module_info(m, NULL, NULL, NULL, NULL, NULL, NULL, NULL)) : "?";
}

/* -- places ------------------------------------------------------------------------------- */

static bool is_of_system(const char *file)
{
	return !strncmp(file, "/usr/", 5);
}

/* A header of the system (a checked read() or memset() is inlined): the call in it stands for
 * it, the innermost that is in none. */
static const char *call_of(Dwfl_Module *m, Dwarf_Addr at, int *number)
{
	Dwarf_Addr bias;
	Dwarf_Die *unit = dwfl_module_addrdie(m, at, &bias), *scopes = NULL;
	int n = unit ? dwarf_getscopes(unit, at - bias, &scopes) : 0;
	const char *file = NULL;
	Dwarf_Files *files;
	size_t n_files;

	if (n > 0 && dwarf_getsrcfiles(unit, &files, &n_files))
		n = 0;
	for (int i = 0; i < n && !file; i++) {
		Dwarf_Attribute attr;
		Dwarf_Word name, line;

		if (dwarf_tag(&scopes[i]) != DW_TAG_inlined_subroutine ||
		    dwarf_formudata(dwarf_attr(&scopes[i], DW_AT_call_file, &attr), &name) ||
		    dwarf_formudata(dwarf_attr(&scopes[i], DW_AT_call_line, &attr), &line))
			continue;
		file = dwarf_filesrc(files, name, NULL, NULL);
		*number = (int)line;
		if (file && is_of_system(file))
			file = NULL;
	}
	free(scopes);
	return file;
}

/* "in buy() at shop.c:12", as much of it as the tables say. False: they know no line. */
static bool place_text(Dwfl *d, Dwarf_Addr at, char *out, size_t size)
{
	Dwfl_Module *m = d ? dwfl_addrmodule(d, at) : NULL;
	const char *function = m ? dwfl_module_addrname(m, at) : NULL;
	Dwfl_Line *l = m ? dwfl_module_getsrc(m, at) : NULL;
	int number = 0, n = 0;
	const char *file = l ? dwfl_lineinfo(l, NULL, &number, NULL, NULL, NULL) : NULL;

	if (file && is_of_system(file)) {
		int called = 0;
		const char *caller = call_of(m, at, &called);

		number = caller ? called : number;
		file = caller ? caller : file;
	}
	if (function)
		n = snprintf(out, size, "in %.200s() ", function);
	if (file)
		snprintf(out + n, size - (size_t)n, "at %.200s:%d", base(file), number);
	else
		snprintf(out + n, size - (size_t)n, "at %#llx (compile with -g for the line)",
			 (unsigned long long)at);
	return file != NULL;
}

/* A library without line information: the place is the module's call of it. */
static void places_text(Dwfl *d, Dwarf_Addr at, Dwarf_Addr caller, char *out, size_t size)
{
	char inner[PART / 2], outer[PART / 2];
	bool lines = place_text(d, at, inner, sizeof(inner));

	if (!caller) {
		snprintf(out, size, "%s", inner);
		return;
	}
	place_text(d, caller, outer, sizeof(outer));
	if (!lines) {
		Dwfl_Module *m = d ? dwfl_addrmodule(d, at) : NULL;
		const char *function = m ? dwfl_module_addrname(m, at) : NULL;

		snprintf(inner, sizeof(inner), "in %.200s%s%.80s", function ? function : "",
			 function ? "() of " : "", file_of(m));
	}
	snprintf(out, size, "%s, called %s", inner, outer);
}

/* -- objects ------------------------------------------------------------------------------ */

static void global_text(Dwfl *d, Dwarf_Addr at, char *out, size_t size)
{
	Dwfl_Module *m = d ? dwfl_addrmodule(d, at) : NULL;
	GElf_Sym sym;
	GElf_Off off = 0;
	const char *name = m ? dwfl_module_addrinfo(m, at, &off, &sym, NULL, NULL, NULL) : NULL;

	if (name && GELF_ST_TYPE(sym.st_info) == STT_OBJECT)
		snprintf(out, size, "`%.200s`", name);
	else
		snprintf(out, size, "the global at %#llx", (unsigned long long)at);
}

/* The thread-local of @m at @offset; NULL: its tables have none. */
static const char *local_at(Dwfl_Module *m, GElf_Addr offset)
{
	int n = m ? dwfl_module_getsymtab(m) : 0;
	GElf_Sym sym;

	for (int i = 0; i < n; i++) {
		GElf_Addr value;
		const char *name = dwfl_module_getsym_info(m, i, &sym, &value, NULL, NULL, NULL);

		if (name && GELF_ST_TYPE(sym.st_info) == STT_TLS && offset >= sym.st_value &&
		    offset - sym.st_value < sym.st_size)
			return name;
	}
	return NULL;
}

static void locals_text(Dwfl *d, Dwarf_Addr place, const char *offsets, char *out, size_t size)
{
	Dwfl_Module *m = d ? dwfl_addrmodule(d, place) : NULL;
	const char *before = NULL;
	size_t n = 0;

	for (char *at = (char *)(uintptr_t)offsets; *at && n + 100 < size; at += *at == ',') {
		unsigned long long offset = strtoull(at, &at, 10);
		const char *name = local_at(m, offset);

		if (!name)
			n += (size_t)snprintf(out + n, size - n, "%sthe one at offset %llu",
					      n ? ", " : "", offset);
		else if (!before || strcmp(name, before) != 0)
			n += (size_t)snprintf(out + n, size - n, "%s`%.80s`", n ? ", " : "", name);
		before = name;
	}
}

/* -- the line ----------------------------------------------------------------------------- */

static const char globals[] = "globals are private to each process, and other workers do not see "
			      "it; keep it in memory of bh_alloc() or in the task's argument, or "
			      "mark it BH_PRIVATE if each is to have its own";

struct told {
	const char *kind, *object;
	char place[PART * 2], global[PART];
	const char *library;
};

static int text(const struct told *t, char *out, size_t size)
{
	const char *of_call =
		strstr(t->kind, "-call") || !strcmp(t->kind, "call") ? " by a system call" : "";

	if (!strcmp(t->kind, "global") || !strcmp(t->kind, "call"))
		return snprintf(out, size, "%s is written%s %s: %s\n", t->global, of_call, t->place,
				globals);
	if (!strncmp(t->kind, "library", 7))
		return snprintf(
			out, size,
			"%s of %s is written%s %s: a library's globals are private to each "
			"process, too; use what it keeps there between two waits alone, or "
			"in pinned tasks (bh_local_set), or name it BH_PRIVATE_LIBRARY() if "
			"each process is to have its own\n",
			t->global, t->library, of_call, t->place);
	if (!strcmp(t->kind, "thread-local"))
		return snprintf(
			out, size,
			"thread-local %s was changed before the wait %s: thread-locals are "
			"private to each process, and after a wait the task may be in "
			"another; keep it on the task's stack or in memory of bh_alloc(), "
			"pin the task, or mark it BH_PRIVATE_TLS if each process is to have "
			"its own\n",
			t->global, t->place);
	return snprintf(
		out, size,
		"a pointer into private memory of %s is %s %s: malloc() and mmap() give each "
		"process its own, and this task has moved on or got it from another; what is "
		"kept across a wait belongs on the task's stack, in its argument or in "
		"memory of bh_alloc(), or the task is to be pinned\n",
		t->object, *of_call ? "given to a system call" : "used", t->place);
}

int main(int argc, char **argv)
{
	char line[LINE + 512], why[BH_CODE_WHY] = "";

	if (argc != 7) {
		fputs("bulkhead-strict: started by workers of `bulkhead run --strict` only\n",
		      stderr);
		return 100;
	}
	Dwfl *d = bh_code_open(atoi(argv[1]), why);
	Dwarf_Addr place = strtoull(argv[3], NULL, 16), at = strtoull(argv[5], NULL, 16);
	struct told t = { .kind = argv[2], .object = argv[5] };

	places_text(d, place, strtoull(argv[4], NULL, 16), t.place, sizeof(t.place));
	if (!strcmp(t.kind, "thread-local"))
		locals_text(d, place, t.object, t.global, sizeof(t.global));
	else
		global_text(d, at, t.global, sizeof(t.global));
	t.library = file_of(d ? dwfl_addrmodule(d, at) : NULL);
	int n = snprintf(line, sizeof(line), "%sstrict: ", argv[6]);

	n += text(&t, line + n, sizeof(line) - (size_t)n);
	if ((size_t)n >= sizeof(line))
		n = sizeof(line) - 1;
	if (write(STDERR_FILENO, line, (size_t)n) != n)
		return 111;
	if (d)
		dwfl_end(d);
	return 0;
}
