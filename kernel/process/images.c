/* SPDX-License-Identifier: MIT */
/*
 * images.c: the files that the system was started from, held open for its life.
 *
 * Processes are started from them for as long as the system runs: servers, zygotes after a
 * reset. A package manager puts new files in their places meanwhile; those may disagree with
 * what is in shared memory, and half of them may be there already and half not yet. So none
 * is looked up by its path a second time: Linux keeps a file that is open, whatever becomes
 * of its name. The descriptors stand in the table that guardian and kernel share, and their
 * numbers in what each kernel begins with (struct bh_boot): no death loses them.
 *
 * O_PATH asks for no right to read; who executes one, or maps it, still needs that right.
 */
#include "kernel/process/images.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

static int hold(const char *path)
{
	int fd = path[0] ? open(path, O_PATH | O_CLOEXEC) : -1;

	return fd < 0 && path[0] ? -errno : fd;
}

static int hold_server(const struct bh_plan *plan, const char *name)
{
	char path[sizeof(plan->libexec) + 32];

	snprintf(path, sizeof(path), "%s/%s", plan->libexec, name);
	return hold(path);
}

bool bh_images_have(const struct bh_images *im, int fd)
{
	for (uint32_t i = 0; i < BH_PLAN_SERVICES; i++)
		if (fd == im->host[i] || fd == im->module[i])
			return true;
	return fd == im->admind || fd == im->traced;
}

void bh_images_hold(struct bh_images *im, const struct bh_plan *plan)
{
	im->admind = hold_server(plan, "bulkhead-admind");
	im->traced = hold_server(plan, "bulkhead-traced");
	for (uint32_t i = 0; i < plan->n_services; i++) {
		im->host[i] = hold(plan->services[i].host);
		im->module[i] = hold(plan->services[i].module);
	}
}
