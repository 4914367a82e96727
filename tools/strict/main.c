/* SPDX-License-Identifier: MIT */
/*
 * bulkhead-strict: writes the line that workers/strict.c has to say: who stores to which
 * global, where. Started by the worker concerned, which waits for it.
 *
 * usage: bulkhead-strict PID PLACE GLOBAL WHO
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/bhctl/code.h"

enum {
	LINE = 1024,
};

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "in buy() at shop.c:12", as much of it as the module's tables say. */
static void place_text(Dwfl *d, Dwarf_Addr at, char *out, size_t size)
{
	Dwfl_Module *m = d ? dwfl_addrmodule(d, at) : NULL;
	const char *function = m ? dwfl_module_addrname(m, at) : NULL;
	Dwfl_Line *l = m ? dwfl_module_getsrc(m, at) : NULL;
	int number = 0, n = 0;
	const char *file = l ? dwfl_lineinfo(l, NULL, &number, NULL, NULL, NULL) : NULL;

	if (function)
		n = snprintf(out, size, "in %.200s() ", function);
	if (file)
		snprintf(out + n, size - (size_t)n, "at %.200s:%d", base(file), number);
	else
		snprintf(out + n, size - (size_t)n, "at %#llx (compile with -g for the line)",
			 (unsigned long long)at);
}

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

int main(int argc, char **argv)
{
	char line[LINE], why[BH_CODE_WHY] = "", place[500], global[300];

	if (argc != 5) {
		fputs("bulkhead-strict: started by workers of `bulkhead run --strict` only\n",
		      stderr);
		return 100;
	}
	Dwfl *d = bh_code_open(atoi(argv[1]), why);

	place_text(d, strtoull(argv[2], NULL, 16), place, sizeof(place));
	global_text(d, strtoull(argv[3], NULL, 16), global, sizeof(global));
	int n = snprintf(line, sizeof(line),
			 "%sstrict: %s is written %s: globals are private to each process, and "
			 "other workers do not see it; keep it in memory of bh_alloc() or in the "
			 "task's argument, or mark it BH_PRIVATE if each is to have its own\n",
			 argv[4], global, place);

	if (n >= LINE)
		n = LINE - 1;
	if (write(STDERR_FILENO, line, (size_t)n) != n)
		return 111;
	if (d)
		dwfl_end(d);
	return 0;
}
