/* SPDX-License-Identifier: MIT */
#include "wake_load.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "privilege.h"
#include "wake.skel.h"

/* PROC_PID_INIT_INO: the initial pid namespace, the same on every machine. */
#define HOST_PID_NAMESPACE 0xeffffffcu

/* btf_trace_sched_switch takes the program's context, preempt, prev, next, and
 * since Linux 5.18 prev_state. */
#define SWITCH_ARGUMENTS_WITH_STATE 5

struct bh_wake {
	struct wake_bpf *skel;
	const struct bh_wake_counts *counts;
	size_t counts_bytes;
};

/* libbpf explains -EPERM by ulimits that have nothing to do with it; what is
 * missing is said by bh_wake_reason() alone. */
static int keep_quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

static int state_source(enum bh_wake_state *how)
{
	struct btf *btf = btf__load_vmlinux_btf();
	if (!btf)
		return -errno;

	int id = btf__find_by_name_kind(btf, "btf_trace_sched_switch", BTF_KIND_TYPEDEF);
	const struct btf_type *t = id < 0 ? NULL : btf__type_by_id(btf, (__u32)id);
	if (t)
		t = btf__type_by_id(btf, t->type); /* the pointer */
	if (t)
		t = btf__type_by_id(btf, t->type); /* to the function */
	bool found = t && btf_is_func_proto(t);
	if (found)
		*how = btf_vlen(t) >= SWITCH_ARGUMENTS_WITH_STATE ? BH_WAKE_STATE_ARGUMENT :
								    BH_WAKE_STATE_REREAD;
	btf__free(btf);
	return found ? 0 : -ESRCH;
}

static int map_counts(struct bh_wake *w)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	w->counts_bytes =
		(BH_WAKE_ENTRIES * sizeof(struct bh_wake_counts) + page - 1) & ~(page - 1);
	void *p = mmap(NULL, w->counts_bytes, PROT_READ, MAP_SHARED,
		       bpf_map__fd(w->skel->maps.counts), 0);
	if (p == MAP_FAILED)
		return -errno;
	w->counts = p;
	return 0;
}

int bh_wake_start_as(struct bh_wake **wake, enum bh_wake_state how)
{
	libbpf_set_print(keep_quiet);
	struct bh_wake *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	int err = 0;
	w->skel = wake_bpf__open();
	if (!w->skel) {
		err = -errno;
		goto out;
	}
	bool argument = how == BH_WAKE_STATE_ARGUMENT;
	bpf_program__set_autoload(w->skel->progs.bh_switch, argument);
	bpf_program__set_autoload(w->skel->progs.bh_switch_reread, !argument);
	err = wake_bpf__load(w->skel);
	if (!err)
		err = map_counts(w);
	if (!err)
		err = wake_bpf__attach(w->skel);
out:
	if (err) {
		bh_wake_stop(w);
		return err;
	}
	*wake = w;
	return 0;
}

int bh_wake_start(struct bh_wake **wake, char why[BH_WAKE_REASON_BYTES])
{
	struct stat ns;
	struct bh_wake_facts facts = {
		.caps = bh_privilege_effective(),
		.has_types = access("/sys/kernel/btf/vmlinux", R_OK) == 0,
		.host_pids = stat("/proc/self/ns/pid", &ns) < 0 || ns.st_ino == HOST_PID_NAMESPACE,
	};
	enum bh_wake_state how = BH_WAKE_STATE_REREAD;

	libbpf_set_print(keep_quiet);
	int err = state_source(&how);
	if (!err)
		err = bh_wake_start_as(wake, how);
	if (!err && !facts.host_pids) {
		/* It would count strangers that have our workers' pids out there. */
		bh_wake_stop(*wake);
		err = -EOPNOTSUPP;
	}
	if (err)
		bh_wake_reason(err, &facts, why);
	return err;
}

void bh_wake_stop(struct bh_wake *w)
{
	if (!w)
		return;
	if (w->counts)
		munmap((void *)(uintptr_t)w->counts, w->counts_bytes);
	wake_bpf__destroy(w->skel);
	free(w);
}

int bh_wake_track(struct bh_wake *w, int32_t pid, uint32_t entry)
{
	/* asleep: nearly every worker is when it is found, and for one that is not,
	 * the next switch sets it right. */
	struct bh_wake_worker value = { .entry = entry, .asleep = 1 };

	return bpf_map__update_elem(w->skel->maps.workers, &pid, sizeof(pid), &value, sizeof(value),
				    BPF_NOEXIST);
}

void bh_wake_untrack(struct bh_wake *w, int32_t pid)
{
	bpf_map__delete_elem(w->skel->maps.workers, &pid, sizeof(pid), 0);
}

const struct bh_wake_counts *bh_wake_counts(const struct bh_wake *w, uint32_t entry)
{
	return &w->counts[entry];
}

int bh_wake_shed(struct bh_wake *w)
{
	/* Since Linux 5.19 who holds a map may change it without a capability, even
	 * with unprivileged_bpf_disabled; before, it takes CAP_BPF. Tried on pid 0,
	 * which no worker has, with CAP_BPF still in reserve. */
	int err = bh_privilege_set(0, BH_CAP(CAP_BPF));
	if (err)
		return err;
	uint64_t need = bh_wake_track(w, 0, 0) == 0 ? 0 : BH_CAP(CAP_BPF);
	err = bh_privilege_set(need, need);
	bh_wake_untrack(w, 0);
	return err;
}
