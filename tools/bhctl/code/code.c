/* SPDX-License-Identifier: MIT */
#include "tools/bhctl/code/code.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Opens the file mapped at @base, even if another file has its name by now. Needs root. */
static int open_mapped(int pid, Dwarf_Addr base)
{
	char path[80], line[512];
	uint64_t from, to;
	int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	FILE *f = fopen(path, "re");
	while (f && fd < 0 && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64, &from, &to) != 2 || from != base)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, pid, from,
			 to);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (f)
		fclose(f);
	return fd;
}

/* A program that was replaced since its start ("... (deleted)" in maps) is not the file
 * of its name. If bhctl may not open the mapped file, its image in memory has to do, which
 * has the names of exported functions alone. */
static int find_elf(Dwfl_Module *m, void **pid, const char *name, Dwarf_Addr base, char **file,
		    Elf **elf)
{
	static const char gone[] = " (deleted)";
	size_t n = strlen(name);
	int fd = -1;

	if (n >= sizeof(gone) && !strcmp(name + n - strlen(gone), gone))
		fd = open_mapped((int)(intptr_t)*pid, base);
	if (fd < 0)
		return dwfl_linux_proc_find_elf(m, pid, name, base, file, elf);
	*file = strndup(name, n - strlen(gone));
	return fd;
}

static int note_pid(Dwfl_Module *m, void **of, const char *name, Dwarf_Addr base, void *pid)
{
	(void)m, (void)name, (void)base;
	*of = pid;
	return DWARF_CB_OK;
}

Dwfl *bh_code_open(int pid, char why[BH_CODE_WHY])
{
	static char *no_path = NULL; /* for debugging information: the default alone */
	static const Dwfl_Callbacks files = { .find_elf = find_elf,
					      .find_debuginfo = dwfl_standard_find_debuginfo,
					      .debuginfo_path = &no_path };

	unsetenv("DEBUGINFOD_URLS"); /* or libdw would ask servers, and wait for them */
	Dwfl *d = dwfl_begin(&files);
	if (!d) {
		snprintf(why, BH_CODE_WHY, "out of memory");
		return NULL;
	}
	int err = dwfl_linux_proc_report(d, pid);
	if (err)
		snprintf(why, BH_CODE_WHY,
			 "/proc/%d/maps cannot be read: %s; ask as root, on the machine and in the "
			 "container of the system",
			 pid, err > 0 ? strerror(err) : dwfl_errmsg(-1));
	else if (dwfl_report_end(d, NULL, NULL))
		snprintf(why, BH_CODE_WHY,
			 "the programs in /proc/%d/maps cannot be read: %s; ask as a user who may "
			 "read them",
			 pid, dwfl_errmsg(-1));
	else if (!dwfl_getmodules(d, note_pid, (void *)(intptr_t)pid, 0))
		return d;
	dwfl_end(d);
	return NULL;
}
