/* SPDX-License-Identifier: MIT */
/* strict_lib.c: a library with a global, for strict_waits.c; built twice, under two names. */

int LIBRARY(void);

static int LIBRARY_GLOBAL;

int LIBRARY(void)
{
	return ++LIBRARY_GLOBAL; /* in the library */
}
