/* SPDX-License-Identifier: MIT */
/*
 * host.c: bulkhead-host, the program that becomes the zygote of a service in a
 * shared object. The kernel starts it; nothing else does.
 */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "workers/process/zygote.h"

/* Is the file at @path still the one on @fd? */
static bool is_there(const char *path, int fd)
{
	struct stat a, b;

	return !stat(path, &a) && !fstat(fd, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Under the name it had, for those who ask whose code an address is. */
static void *load_held(const char *path, int fd)
{
	char held[32];
	struct link_map *map;

	snprintf(held, sizeof(held), "/proc/self/fd/%d", fd);
	void *module = dlopen(held, RTLD_NOW | RTLD_LOCAL);
	char *name = module ? strdup(path) : NULL;
	if (name && !dlinfo(module, RTLD_DI_LINKMAP, &map))
		map->l_name = name;
	return module;
}

/* The module that the system was started with, which the kernel holds: another one may be
 * in its place. That one is better than none. */
static void *load(const struct bh_plan_service *ps, int fd)
{
	struct stat st;

	if (fstat(fd, &st) || is_there(ps->module, fd))
		return dlopen(ps->module, RTLD_NOW | RTLD_LOCAL);
	void *module = load_held(ps->module, fd);
	if (module)
		return module;
	fprintf(stderr,
		"bulkhead: service %s: %s was replaced, and what it was cannot be loaded again "
		"(%s): what is there now is loaded\n",
		ps->name, ps->module, dlerror());
	return dlopen(ps->module, RTLD_NOW | RTLD_LOCAL);
}

/* jemalloc, for one, wants its thread-locals where the loader keeps little room for what
 * is loaded later. */
static _Noreturn void fail_load(const char *why)
{
	if (strstr(why, "static TLS"))
		fputs("bulkhead: a library wants more thread-local memory than the loader keeps: "
		      "start bulkhead with GLIBC_TUNABLES=glibc.rtld.optional_static_tls=20000 in "
		      "its environment, or preload that library (LD_PRELOAD)\n",
		      stderr);
	bh_zygote_fail(-ENOENT, "%s", why);
}

int main(int argc, char **argv)
{
	const struct bh_plan_service *ps;
	void *module, *service;

	if (argc < 2 || strcmp(argv[1], "--zygote")) {
		fputs("bulkhead-host: started by the Bulkhead kernel only; use `bulkhead run`\n",
		      stderr);
		return 100;
	}
	ps = bh_zygote_plan();
	int held = bh_zygote_module_fd();
	module = load(ps, held);
	if (!module)
		fail_load(dlerror());
	close(held);
	service = dlsym(module, "bulkhead_service");
	if (!service)
		bh_zygote_fail(-ENOEXEC, "the module does not export `bulkhead_service`");
	bh_zygote_run(service);
}
