/* SPDX-License-Identifier: MIT */
/*
 * host.c: bulkhead-host, the program that becomes the zygote of a service in a
 * shared object. The kernel starts it; nothing else does.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "workers/zygote.h"

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
	module = dlopen(ps->module, RTLD_NOW | RTLD_LOCAL);
	if (!module)
		bh_zygote_fail(-ENOENT, "%s", dlerror());
	service = dlsym(module, "bulkhead_service");
	if (!service)
		bh_zygote_fail(-ENOEXEC, "the module does not export `bulkhead_service`");
	bh_zygote_run(service);
}
