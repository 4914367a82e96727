/* SPDX-License-Identifier: MIT */
/* close_from.h: closing inherited descriptors. */
#ifndef BH_IPC_CLOSE_FROM_H
#define BH_IPC_CLOSE_FROM_H

/* Closes all descriptors from @first on; where close_range() is refused, all that /proc
 * lists. 0 or -errno: neither way works. */
int bh_close_from(int first);

#endif
