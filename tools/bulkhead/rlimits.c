/* SPDX-License-Identifier: MIT */
#include "tools/bulkhead/rlimits.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>

#include "ipc/arena/arena.h"

enum {
	FILES_BESIDE = 256,      /* descriptors that a service needs beside its sockets */
	FILES_LEAST = 128,       /* where the kernel's and a child's are moved to, and theirs */
	IMAGES = 2,              /* program and module of a service */
	SPACE_BESIDE = 64 << 10, /* KiB: of a process without its arenas and its module */
	DATA_BESIDE = 4 << 10,   /* KiB: likewise, of private memory that can be written */
	STACK_LEAST = 256,       /* KiB */
	TASK_IN_WHEEL = 16,      /* bytes: of the kernel (kernel/base/wheel.h says that it is so) */
};

/* Stores the limit @resource in @was and raises the soft limit to the hard one; returns the
 * soft limit from now on. */
static uint64_t raise_soft(__rlimit_resource_t resource, struct rlimit *was)
{
	if (getrlimit(resource, was))
		*was = (struct rlimit){ RLIM_INFINITY, RLIM_INFINITY };
	struct rlimit all = { was->rlim_max, was->rlim_max };

	return setrlimit(resource, &all) ? was->rlim_cur : was->rlim_max;
}

/* In the unit of ulimit, and no less. */
static uint64_t kib(uint64_t bytes)
{
	return (bytes + 1023) / 1024;
}

static uint64_t arena_bytes(const struct bh_plan_service *s)
{
	struct bh_layout l;

	bh_layout_from_plan(&l, s);
	return l.bytes;
}

/* -- open files --------------------------------------------------------------------- */

/* Each process of a service has a pidfd and a control socket, and its heir another pidfd. */
static uint64_t files_of_kernel(const struct bh_plan *plan)
{
	uint64_t files = FILES_LEAST;
	struct bh_layout l;

	for (uint32_t i = 0; i < plan->n_services; i++) {
		bh_layout_from_plan(&l, &plan->services[i]);
		files += (uint64_t)bh_listen_fd(&l) + plan->services[i].n_listen + IMAGES +
			 3 * (2 + bh_plan_slots(&plan->services[i]));
	}
	return files;
}

/* Root may have more than its caller said. */
static uint64_t allow_files(uint64_t files, uint64_t have)
{
	struct rlimit more = { files, files };

	return have >= files || setrlimit(RLIMIT_NOFILE, &more) ? have : files;
}

/* Each socket may be a connection with a stack of its own; the memory limit includes these
 * stacks if the configuration does not set it (plan_make.c). */
static void lower_io(struct bh_plan_service *s, uint32_t sockets, bool memory_too)
{
	if (memory_too)
		s->max_memory -= (s->max_io - sockets) * (uint64_t)BH_RLIMITS_FIBER;
	s->max_io = sockets;
}

static int make_files(struct bh_plan *plan, const struct bh_rlimits_given *given,
		      char why[BH_RLIMITS_WHY])
{
	uint64_t least = files_of_kernel(plan), most = least;
	struct rlimit was;

	for (uint32_t i = 0; i < plan->n_services; i++)
		if (plan->services[i].max_io + FILES_BESIDE > most)
			most = plan->services[i].max_io + FILES_BESIDE;
	uint64_t have = raise_soft(RLIMIT_NOFILE, &was);
	have = allow_files(most, have);
	if (have < least) {
		snprintf(why, BH_RLIMITS_WHY,
			 "a process may have %llu open files here, and the system needs %llu: "
			 "raise that limit (ulimit -n, LimitNOFILE=)",
			 (unsigned long long)have, (unsigned long long)least);
		return -EMFILE;
	}
	uint64_t sockets = have > 2 * FILES_BESIDE ? have - FILES_BESIDE : have / 2;

	for (uint32_t i = 0; i < plan->n_services; i++) {
		struct bh_plan_service *s = &plan->services[i];

		if (s->max_io > sockets && (given->io & 1u << i)) {
			snprintf(why, BH_RLIMITS_WHY,
				 "service %s: limits.io: %u sockets, but a process may have %llu "
				 "open files here: raise that limit (ulimit -n, LimitNOFILE=) to "
				 "%u, or lower limits.io to %llu",
				 s->name, s->max_io, (unsigned long long)have,
				 s->max_io + FILES_BESIDE, (unsigned long long)sockets);
			return -EMFILE;
		}
		if (s->max_io > sockets)
			lower_io(s, (uint32_t)sockets, !(given->memory & 1u << i));
		s->limits.files = s->max_io + FILES_BESIDE;
		if (s->limits.files < was.rlim_cur)
			s->limits.files = was.rlim_cur;
	}
	return 0;
}

/* -- sizes ------------------------------------------------------------------------------ */

#define WHAT_TO_DO "raise that limit (%s), or lower limits.memory, limits.io or limits.tasks"

static int make_file_bytes(struct bh_plan *plan, char why[BH_RLIMITS_WHY])
{
	struct rlimit was;
	uint64_t have = raise_soft(RLIMIT_FSIZE, &was);

	for (uint32_t i = 0; i < plan->n_services; i++) {
		struct bh_plan_service *s = &plan->services[i];
		uint64_t bytes = arena_bytes(s);

		/* 0 means something else in a plan. */
		s->limits.file_bytes = was.rlim_cur ? was.rlim_cur : 1;
		if (bytes <= have)
			continue;
		snprintf(why, BH_RLIMITS_WHY,
			 "service %s: its memory is a sparse file of %llu KiB, but a file may have "
			 "%llu KiB here: " WHAT_TO_DO,
			 s->name, (unsigned long long)kib(bytes), (unsigned long long)(have / 1024),
			 "ulimit -f, LimitFSIZE=");
		return -EFBIG;
	}
	return 0;
}

/* The kernel and the admin server have the arenas of all services. */
static int make_space(struct bh_plan *plan, char why[BH_RLIMITS_WHY])
{
	uint64_t all = (uint64_t)SPACE_BESIDE << 10;
	struct rlimit was;
	uint64_t have = raise_soft(RLIMIT_AS, &was);

	for (uint32_t i = 0; i < plan->n_services; i++) {
		struct bh_plan_service *s = &plan->services[i];
		uint64_t bytes = arena_bytes(s);

		all += bytes + s->max_tasks * (uint64_t)TASK_IN_WHEEL;
		s->limits.space = was.rlim_cur;
		if (was.rlim_cur < RLIM_INFINITY - 2 * bytes)
			s->limits.space += 2 * bytes;
		else
			s->limits.space = RLIM_INFINITY;
	}
	if (all <= have)
		return 0;
	snprintf(
		why, BH_RLIMITS_WHY,
		"the services' memory takes %llu KiB of addresses, but a process may have %llu KiB "
		"here: " WHAT_TO_DO,
		(unsigned long long)kib(all), (unsigned long long)(have / 1024),
		"ulimit -v, LimitAS=");
	return -ENOMEM;
}

/* The data limit of the kernel, and of each process of a service, without the memory that the
 * service's code allocates. */
static int make_data(struct bh_plan *plan, char why[BH_RLIMITS_WHY])
{
	uint64_t all = (uint64_t)DATA_BESIDE << 10;
	struct rlimit was;
	uint64_t have = raise_soft(RLIMIT_DATA, &was);

	for (uint32_t i = 0; i < plan->n_services; i++) {
		all += plan->services[i].max_tasks * (uint64_t)TASK_IN_WHEEL;
		plan->services[i].limits.data = was.rlim_cur;
	}
	if (all <= have)
		return 0;
	snprintf(why, BH_RLIMITS_WHY,
		 "the kernel's timers need %llu KiB of data, but a process may have %llu KiB here: "
		 "raise that limit (ulimit -d, LimitDATA=) to %llu, or lower limits.tasks",
		 (unsigned long long)kib(all), (unsigned long long)(have / 1024),
		 (unsigned long long)kib(all));
	return -ENOMEM;
}

/* -- what this program itself needs ------------------------------------------------------ */

/* A soft limit below @least KiB becomes that much, for all of the system. */
static int have_least(__rlimit_resource_t resource, uint64_t least, const char *what,
		      const char *limit, char why[BH_RLIMITS_WHY])
{
	struct rlimit was;

	if (getrlimit(resource, &was) || was.rlim_cur >= least << 10)
		return 0;
	struct rlimit more = { least << 10, was.rlim_max };

	if (was.rlim_max >= least << 10 && !setrlimit(resource, &more))
		return 0;
	snprintf(why, BH_RLIMITS_WHY,
		 "a process may have %llu KiB of %s here, and the system needs %llu: raise that "
		 "limit (%s)",
		 (unsigned long long)(was.rlim_max / 1024), what, (unsigned long long)least, limit);
	return -ENOMEM;
}

int bh_rlimits_begin(char why[BH_RLIMITS_WHY])
{
	int err = have_least(RLIMIT_STACK, STACK_LEAST, "stack", "ulimit -s, LimitSTACK=", why);

	return err ? err :
		     have_least(RLIMIT_DATA, DATA_BESIDE, "data", "ulimit -d, LimitDATA=", why);
}

int bh_rlimits_make(struct bh_plan *plan, const struct bh_rlimits_given *given,
		    char why[BH_RLIMITS_WHY])
{
	int err = make_files(plan, given, why);

	if (!err)
		err = make_file_bytes(plan, why);
	if (!err)
		err = make_space(plan, why);
	if (!err)
		err = make_data(plan, why);
	return err;
}
