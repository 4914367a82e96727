/* SPDX-License-Identifier: MIT */
/* lifeline.h: what ends the system when guardian and kernel are gone. */
#ifndef BH_KERNEL_PROCESS_LIFELINE_H
#define BH_KERNEL_PROCESS_LIFELINE_H

/* Makes it, before the guardian: end[0] is what children join; end[1] is closed by the
 * end of those who have it, guardian and kernel. */
int bh_lifeline_make(int end[static 2]);

/* In a child, before bh_exec_fds() and bh_exec_become(): makes it a session of its own
 * that the lifeline reaches. Returns the descriptor that it, and all it forks, are to hold. */
int bh_lifeline_join(int lifeline);

#endif
