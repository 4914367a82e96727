/* SPDX-License-Identifier: MIT */
#include "bpf/load/probes.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpf/load/privilege.h"
#include "bpf/load/sampler.h"
#include "crash.skel.h"
#include "profile.skel.h"
#include "sched.skel.h"

/* PROC_PID_INIT_INO: the initial pid namespace, the same on every machine. */
#define HOST_PID_NAMESPACE 0xeffffffcu

/* btf_trace_sched_switch takes the program's context, preempt, prev, next, and
 * since Linux 5.18 prev_state. */
#define SWITCH_ARGUMENTS_WITH_STATE 5

enum map {
	WORKERS,
	ZYGOTES,
	UNBORN,
	COUNTS,
	TYPES,
	CONTROL,
	EVENTS,
	MAPS
};

static const char *const map_names[MAPS] = { "workers", "zygotes", "unborn", "counts",
					     "types",   "control", "events" };

struct taker {
	bh_probes_take take;
	void *context;
};

struct bh_probes {
	struct sched_bpf *sched;
	struct crash_bpf *crash;
	struct profile_bpf *profile;
	struct bh_sampler sampler;
	int map[MAPS]; /* of the part that was loaded first; the others use them, too. 0: none */
	const struct bh_probe_counts *counts;
	struct bh_probe_control *control;
	struct ring_buffer *ring;
	struct taker taker; /* while it is drained */
};

/* Silences libbpf, which blames -EPERM on unrelated ulimits; bh_reason() reports the
 * cause. */
static int keep_quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

/* How many arguments tracepoint @name has, the program's context included. */
static int arguments_of(const char *name)
{
	struct btf *btf = btf__load_vmlinux_btf();
	if (!btf)
		return -errno;

	int id = btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF);
	const struct btf_type *t = id < 0 ? NULL : btf__type_by_id(btf, (__u32)id);
	if (t)
		t = btf__type_by_id(btf, t->type); /* the pointer */
	if (t)
		t = btf__type_by_id(btf, t->type); /* to the function */
	int n = t && btf_is_func_proto(t) ? (int)btf_vlen(t) : -ESRCH;
	btf__free(btf);
	return n;
}

static size_t page_round(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) & ~(page - 1);
}

#define COUNTS_BYTES \
	page_round((BH_TRACE_WORKERS + BH_TRACE_TYPES) * sizeof(struct bh_probe_counts))
#define CONTROL_BYTES page_round(sizeof(struct bh_probe_control))

static int ring_take(void *context, void *data, size_t bytes)
{
	struct bh_probes *p = context;

	p->taker.take(p->taker.context, data, bytes);
	return 0;
}

static int map_memory(struct bh_probes *p)
{
	void *counts = mmap(NULL, COUNTS_BYTES, PROT_READ, MAP_SHARED, p->map[COUNTS], 0);
	if (counts == MAP_FAILED)
		return -errno;
	p->counts = counts;
	void *control =
		mmap(NULL, CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, p->map[CONTROL], 0);
	if (control == MAP_FAILED)
		return -errno;
	p->control = control;
	p->ring = ring_buffer__new(p->map[EVENTS], ring_take, p, NULL);
	return p->ring ? 0 : -errno;
}

/* Loads a part, with the maps of the first. */
static int load(struct bh_probes *p, struct bpf_object *part)
{
	struct bpf_map *map[MAPS];

	for (int i = 0; i < MAPS; i++) {
		map[i] = bpf_object__find_map_by_name(part, map_names[i]);
		if (!map[i])
			return -ENOENT;
		if (p->map[i] && bpf_map__reuse_fd(map[i], p->map[i]) < 0)
			return -errno;
	}
	int err = bpf_object__load(part);
	if (err || p->map[0])
		return err;
	for (int i = 0; i < MAPS; i++)
		p->map[i] = bpf_map__fd(map[i]);
	return map_memory(p);
}

static int start_sched(struct bh_probes *p, bool argument)
{
	p->sched = sched_bpf__open();
	if (!p->sched)
		return -errno;
	bpf_program__set_autoload(p->sched->progs.bh_switch, argument);
	bpf_program__set_autoload(p->sched->progs.bh_switch_reread, !argument);
	int err = load(p, p->sched->obj);
	return err ? err : sched_bpf__attach(p->sched);
}

static int start_sched_here(struct bh_probes *p)
{
	int n = arguments_of("btf_trace_sched_switch");

	return n < 0 ? n : start_sched(p, n >= SWITCH_ARGUMENTS_WITH_STATE);
}

static int start_crash(struct bh_probes *p)
{
	p->crash = crash_bpf__open();
	if (!p->crash)
		return -errno;
	/* The victim is told by a pid, not by its task, in kernels before 6.8. */
	bpf_program__set_autoload(p->crash->progs.bh_oom,
				  arguments_of("btf_trace_mark_victim") >= 3);
	int err = load(p, p->crash->obj);
	return err ? err : crash_bpf__attach(p->crash);
}

static int start_profile(struct bh_probes *p)
{
	p->profile = profile_bpf__open();
	if (!p->profile)
		return -errno;
	int err = load(p, p->profile->obj);
	return err ? err : bh_sampler_open(&p->sampler, p->profile->progs.bh_sample);
}

/* A part that failed half-way goes away, but for maps that others use. */
static void forget(struct bh_probes *p, enum bh_trace_part part)
{
	if (part == BH_TRACE_SCHED) {
		sched_bpf__detach(p->sched);
	} else if (part == BH_TRACE_CRASH) {
		crash_bpf__detach(p->crash);
	} else {
		bh_sampler_close(&p->sampler);
		profile_bpf__detach(p->profile);
	}
}

static int start_parts(struct bh_probes *p, const struct bh_reason_facts *facts,
		       struct bh_trace_status *status)
{
	static int (*const start[BH_TRACE_PARTS])(struct bh_probes *) = {
		[BH_TRACE_SCHED] = start_sched_here,
		[BH_TRACE_CRASH] = start_crash,
		[BH_TRACE_PROFILE] = start_profile,
	};
	bool any = false;

	for (int i = 0; i < BH_TRACE_PARTS; i++) {
		int err = start[i](p);

		/* In another pid namespace our workers' pids are other processes' pids to
		 * BPF, which would count those. */
		if (!err && !facts->host_pids)
			err = -EOPNOTSUPP;
		status[i].error = err;
		if (err) {
			bh_reason(err, facts, status[i].reason);
			forget(p, (enum bh_trace_part)i);
		}
		any |= !err;
	}
	return any ? 0 : status[0].error;
}

int bh_probes_start(struct bh_probes **probes, struct bh_trace_status status[BH_TRACE_PARTS])
{
	struct stat ns;
	struct bh_reason_facts facts = {
		.caps = bh_privilege_effective(),
		.has_types = access("/sys/kernel/btf/vmlinux", R_OK) == 0,
		.host_pids = stat("/proc/self/ns/pid", &ns) < 0 || ns.st_ino == HOST_PID_NAMESPACE,
	};
	struct bh_probes *p = calloc(1, sizeof(*p));

	*probes = NULL;
	if (!p)
		return -ENOMEM;
	libbpf_set_print(keep_quiet);
	int err = start_parts(p, &facts, status);
	if (err)
		bh_probes_stop(p);
	else
		*probes = p;
	return err;
}

int bh_probes_start_as(struct bh_probes **probes, enum bh_probe_state how)
{
	struct bh_probes *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	libbpf_set_print(keep_quiet);
	int err = start_sched(p, how == BH_PROBE_STATE_ARGUMENT);
	if (err)
		bh_probes_stop(p);
	else
		*probes = p;
	return err;
}

void bh_probes_stop(struct bh_probes *p)
{
	if (!p)
		return;
	bh_sampler_close(&p->sampler);
	ring_buffer__free(p->ring);
	if (p->counts)
		munmap((void *)(uintptr_t)p->counts, COUNTS_BYTES);
	if (p->control)
		munmap(p->control, CONTROL_BYTES);
	profile_bpf__destroy(p->profile);
	crash_bpf__destroy(p->crash);
	sched_bpf__destroy(p->sched);
	free(p);
}

int bh_probes_track(struct bh_probes *p, int32_t pid, const struct bh_probe_worker *worker)
{
	/* asleep: nearly every worker sleeps when it is found; for a running worker the
	 * next switch corrects it. */
	struct bh_probe_worker value = *worker;

	value.asleep = 1;
	value.task = BH_EVENT_NO_TASK;
	value.type = BH_EVENT_NO_TYPE;
	return bpf_map_update_elem(p->map[WORKERS], &pid, &value, BPF_NOEXIST) < 0 ? -errno : 0;
}

void bh_probes_untrack(struct bh_probes *p, int32_t pid)
{
	bpf_map_delete_elem(p->map[WORKERS], &pid);
}

void bh_probes_zygote(struct bh_probes *p, int32_t pid, const struct bh_probe_service *service)
{
	if (service)
		bpf_map_update_elem(p->map[ZYGOTES], &pid, service, BPF_ANY);
	else
		bpf_map_delete_elem(p->map[ZYGOTES], &pid);
}

const struct bh_probe_counts *bh_probes_counts(const struct bh_probes *p, uint32_t entry)
{
	return &p->counts[entry];
}

const struct bh_probe_control *bh_probes_control(const struct bh_probes *p)
{
	return p->control;
}

void bh_probes_record(struct bh_probes *p, bool on)
{
	__atomic_store_n(&p->control->recording, on, __ATOMIC_RELAXED);
	bh_sampler_run(&p->sampler, on);
}

void bh_probes_drain(struct bh_probes *p, bh_probes_take take, void *context)
{
	p->taker = (struct taker){ take, context };
	ring_buffer__consume(p->ring);
}

int bh_probes_shed(struct bh_probes *p)
{
	/* Since Linux 5.19 the holder of a map may change it without a capability, even
	 * with unprivileged_bpf_disabled; before, it takes CAP_BPF. Tried on pid 0,
	 * which no worker has, with CAP_BPF still in reserve. */
	const struct bh_probe_worker nobody = { .entry = BH_PROBE_NO_ENTRY };
	int err = bh_privilege_set(0, BH_CAP(CAP_BPF));
	if (err)
		return err;
	uint64_t need = bh_probes_track(p, 0, &nobody) == 0 ? 0 : BH_CAP(CAP_BPF);
	err = bh_privilege_set(need, need);
	bh_probes_untrack(p, 0);
	return err;
}
