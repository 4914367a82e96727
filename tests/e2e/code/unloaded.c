/* SPDX-License-Identifier: MIT */
/* unloaded.c: a library that registers a handler of pthread_atfork() when it is loaded. */
#include <pthread.h>
#include <stdlib.h>

static void gone(void)
{
	abort();
}

__attribute__((constructor)) static void load(void)
{
	pthread_atfork(gone, gone, gone);
}
