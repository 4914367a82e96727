/* SPDX-License-Identifier: MIT */
#ifndef BH_WORKERS_FDAUDIT_H
#define BH_WORKERS_FDAUDIT_H

/* Closes accepted sockets that no I/O slot names: what a worker had made and not
 * yet written down when it died. In the zygote, on request. */
void bh_fd_audit(void);

#endif
