/* SPDX-License-Identifier: MIT */
/*
 * reason.h: one sentence that says why nothing can be measured, and what
 * would change that. Loading the real programs is the test; the facts only
 * explain its error (the kernel says -EPERM for five different reasons).
 */
#ifndef BH_BPF_REASON_H
#define BH_BPF_REASON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/system/trace_page.h"

struct bh_reason_facts {
	uint64_t caps;  /* effective, before the attempt */
	bool has_types; /* /sys/kernel/btf/vmlinux can be read */
	bool host_pids; /* this process's pid namespace is the one that BPF programs see */
};

/* The sentence for @error (negative errno), NUL-terminated, in @text. */
void bh_reason(int error, const struct bh_reason_facts *facts, char text[BH_TRACE_TEXT]);

#endif
