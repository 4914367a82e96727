/* SPDX-License-Identifier: MIT */
/* sampler.h: the clocks that make profile.bpf.c run: one on each CPU. They are opened
 * while that is still permitted, and stand still until they are wanted. */
#ifndef BH_BPF_SAMPLER_H
#define BH_BPF_SAMPLER_H

#include <bpf/libbpf.h>
#include <stdbool.h>

#define BH_SAMPLES_A_SECOND 199 /* on each CPU; a prime: in step with nothing */

struct bh_sampler {
	struct bpf_link **links;
	int *fds;
	int n;
};

/* -errno: no CPU has a clock. A CPU that is offline is left out. */
int bh_sampler_open(struct bh_sampler *s, const struct bpf_program *program);
void bh_sampler_run(const struct bh_sampler *s, bool on);
void bh_sampler_close(struct bh_sampler *s);

#endif
