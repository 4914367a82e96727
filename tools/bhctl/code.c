/* SPDX-License-Identifier: MIT */
#include "code.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Dwfl *bh_code_open(int pid, char why[BH_CODE_WHY])
{
	static char *no_path = NULL; /* for debugging information: the default alone */
	static const Dwfl_Callbacks files = { .find_elf = dwfl_linux_proc_find_elf,
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
	else
		return d;
	dwfl_end(d);
	return NULL;
}
