/* SPDX-License-Identifier: MIT */
#include "ipc/system/plan.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void remove_file(const struct bh_plan_listen *l)
{
	const char *path = l->actual + strlen("unix:");
	struct stat st;

	if (!strncmp(l->actual, "unix:/", 6) && !lstat(path, &st) && st.st_dev == l->file_dev &&
	    st.st_ino == l->file_ino)
		unlink(path);
}

void bh_plan_remove_files(const struct bh_plan *plan)
{
	for (uint32_t i = 0; i < plan->n_services; i++)
		for (uint32_t j = 0; j < plan->services[i].n_listen; j++)
			remove_file(&plan->services[i].listen[j]);
}
