/* SPDX-License-Identifier: MIT */
#ifndef BH_WORKERS_FDAUDIT_H
#define BH_WORKERS_FDAUDIT_H

/* Closes accepted sockets that no I/O slot names: what a worker had made and not
 * yet written down when it died. In the zygote, on request. */
void bh_fd_audit(void);

/* Closes the control sockets of zygotes and twins that died, of whose descriptors
 * nobody else can know. @own: the caller's. In the zygote, before it makes a twin,
 * which every such death is followed by. */
void bh_fd_close_stale(int own);

#endif
