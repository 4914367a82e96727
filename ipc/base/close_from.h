/* SPDX-License-Identifier: MIT */
/* close_from.h: closing what somebody else left open. */
#ifndef BH_IPC_CLOSE_FROM_H
#define BH_IPC_CLOSE_FROM_H

/* Closes all descriptors from @first on; where close_range() is refused, those that /proc
 * lists. 0 or -errno: neither can be had. */
int bh_close_from(int first);

#endif
