/* SPDX-License-Identifier: MIT */
/*
 * page.h: the page on which traced publishes (ipc/system/trace_page.h): a memfd that only
 * this process can write. Its seals keep other holders of the descriptor from resizing
 * it, which would end its readers with SIGBUS, and from mapping it for writing.
 */
#ifndef BH_BPF_PAGE_H
#define BH_BPF_PAGE_H

#include "ipc/system/trace_page.h"

/* A fresh page, all counters zero; *fd is for sending. Neither is ever freed: both
 * live as long as the process. */
int bh_page_create(struct bh_trace_page **page, int *fd);

#endif
