/* SPDX-License-Identifier: MIT */
/*
 * wake_reason.h: one sentence that says why nothing can be measured, and what
 * would change that. Loading the real programs is the test; the facts only
 * explain its error (the kernel says -EPERM for five different reasons).
 */
#ifndef BH_BPF_WAKE_REASON_H
#define BH_BPF_WAKE_REASON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Large enough for every sentence, and no larger than bh_ctl.text. */
#define BH_WAKE_REASON_BYTES 112

struct bh_wake_facts {
	uint64_t caps;  /* effective, before the attempt */
	bool has_types; /* /sys/kernel/btf/vmlinux can be read */
	bool host_pids; /* the pids known here are those the kernel's programs see */
};

/* The sentence for @error (negative errno), NUL-terminated, in @text. */
void bh_wake_reason(int error, const struct bh_wake_facts *facts, char text[BH_WAKE_REASON_BYTES]);

#endif
