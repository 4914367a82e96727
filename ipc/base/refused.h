/* SPDX-License-Identifier: MIT */
/*
 * refused.h: system calls that are refused as such, whatever their arguments: by a filter
 * (seccomp) that a container or a unit sets, or by a Linux that is too old. Indispensable
 * calls are tried before anything runs (tools/bulkhead/calls.c); each other call has a
 * fallback, which its caller takes when bh_refused() says so.
 */
#ifndef BH_IPC_REFUSED_H
#define BH_IPC_REFUSED_H

#include <errno.h>
#include <stdbool.h>

#define BH_REFUSED_BY                                                              \
	"by a system call filter (the container's seccomp profile, or the unit's " \
	"SystemCallFilter=)"

/* True if the call that failed with @err, an errno, may be refused as such.
 * EPERM and EACCES are what filters answer; some calls have other reasons for them. */
static inline bool bh_refused(int err)
{
	return err == ENOSYS || err == EPERM || err == EACCES;
}

#endif
