/* SPDX-License-Identifier: MIT */
#include "bpf/load/reason.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bpf/load/privilege.h"

static const char *refused(uint64_t caps)
{
	switch (BH_CAPS_TRACING & ~caps) {
	case 0:
		return "BPF is forbidden here though CAP_BPF and CAP_PERFMON are held; "
		       "lockdown or seccomp must allow it";
	case BH_CAP(CAP_BPF):
		return "no permission for BPF: CAP_BPF is missing; start as root or grant it";
	case BH_CAP(CAP_PERFMON):
		return "no permission for BPF: CAP_PERFMON is missing; start as root or grant it";
	default:
		return "no permission for BPF: CAP_BPF and CAP_PERFMON are missing; "
		       "start as root or grant them";
	}
}

void bh_reason(int error, const struct bh_reason_facts *facts, char text[BH_TRACE_TEXT])
{
	const char *s = NULL;

	if (error == -ENOSYS)
		s = "this kernel has no bpf(); CONFIG_BPF_SYSCALL=y would give it";
	else if (!facts->has_types)
		s = "no /sys/kernel/btf/vmlinux, the kernel's types; "
		    "CONFIG_DEBUG_INFO_BTF=y would give them";
	else if (error == -EPERM || error == -EACCES)
		s = refused(facts->caps);
	else if (!facts->host_pids)
		s = "pids differ from the kernel's in this container; "
		    "the host's pid namespace (--pid=host) would do";
	else if (error == -ESRCH || error == -ENOENT)
		s = "no scheduler tracepoints for BPF in this kernel; "
		    "CONFIG_BPF_EVENTS=y would give them";
	if (s)
		snprintf(text, BH_TRACE_TEXT, "%s", s);
	else
		snprintf(text, BH_TRACE_TEXT,
			 "the BPF programs do not load (%.40s); Linux 5.11 or later would do",
			 strerror(-error));
}
