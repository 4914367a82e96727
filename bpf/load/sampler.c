/* SPDX-License-Identifier: MIT */
#include "bpf/load/sampler.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_clock(int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.freq = 1,
		.sample_freq = BH_SAMPLES_A_SECOND,
		.disabled = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

int bh_sampler_open(struct bh_sampler *s, const struct bpf_program *program)
{
	int cpus = libbpf_num_possible_cpus(), err = -ENODEV;

	*s = (struct bh_sampler){ 0 };
	if (cpus < 0)
		return cpus;
	s->links = calloc((size_t)cpus, sizeof(struct bpf_link *));
	s->fds = calloc((size_t)cpus, sizeof(int));
	for (int cpu = 0; cpu < cpus && s->links && s->fds; cpu++) {
		int fd = open_clock(cpu);

		if (fd < 0) {
			err = -errno;
			continue;
		}
		struct bpf_link *link = bpf_program__attach_perf_event(program, fd);
		if (!link) {
			err = -errno;
			close(fd);
			continue;
		}
		s->links[s->n] = link;
		s->fds[s->n++] = fd; /* the link's own */
	}
	if (!s->n) {
		bh_sampler_close(s);
		return err;
	}
	bh_sampler_run(s, false); /* attaching has started them */
	return 0;
}

void bh_sampler_run(const struct bh_sampler *s, bool on)
{
	for (int i = 0; i < s->n; i++)
		ioctl(s->fds[i], on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0);
}

void bh_sampler_close(struct bh_sampler *s)
{
	for (int i = 0; i < s->n; i++)
		bpf_link__destroy(s->links[i]);
	free(s->links);
	free(s->fds);
	*s = (struct bh_sampler){ 0 };
}
