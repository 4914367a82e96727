/* SPDX-License-Identifier: MIT */
#undef _FORTIFY_SOURCE /* its headers define some of these inline */
#include "workers/libc/next.h"

#include <dlfcn.h>

struct bh_next bh_next;

void bh_next_find(void)
{
#define FIND(name) bh_next.name = (__typeof__(bh_next.name))dlsym(RTLD_NEXT, #name);
	BH_NEXT(FIND)
#undef FIND
}
