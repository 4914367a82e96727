/* SPDX-License-Identifier: MIT */
/*
 * privilege.h: the capabilities of this process, as 64-bit sets of 1 << CAP_x.
 *
 *   bh_privilege_keep(BH_CAPS_TRACING);   before anything is loaded
 *   ... load and attach ...
 *   bh_privilege_set(0, 0);               once they are not needed any more
 *
 * A capability given up does not come back: no_new_privs is set and the bounding set
 * shrinks too, so not even exec() of a privileged file returns it.
 */
#ifndef BH_BPF_PRIVILEGE_H
#define BH_BPF_PRIVILEGE_H

#include <linux/capability.h>
#include <stdint.h>

#define BH_CAP(c)       (1ull << (c))
#define BH_CAPS_TRACING (BH_CAP(CAP_BPF) | BH_CAP(CAP_PERFMON))

/* The effective set; 0 if it cannot be read. */
uint64_t bh_privilege_effective(void);

/* Gives up all capabilities but @caps, for good. */
int bh_privilege_keep(uint64_t caps);

/* Sets both sets; -EPERM if @permitted has a capability that was given up. */
int bh_privilege_set(uint64_t effective, uint64_t permitted);

#endif
