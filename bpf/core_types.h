/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * core_types.h: what the BPF programs know of the kernel's types, kept by hand in
 * place of a generated vmlinux.h, so that the machine that builds needs no BTF.
 *
 * Only members that are used stand here, in any order: each access is relocated
 * when a program is loaded, against the types of the kernel that runs it. Constants
 * are of the kernel's user-space interface, which does not change.
 */
#ifndef BH_BPF_CORE_TYPES_H
#define BH_BPF_CORE_TYPES_H

/* Tells libbpf's headers that the kernel's types are defined already. */
#define __VMLINUX_H__ 1

typedef _Bool bool;
typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_F_MMAPABLE = 1 << 10,
};

struct task_struct {
	int pid;              /* of the thread, in the initial pid namespace */
	unsigned int __state; /* since Linux 5.14 */
} __attribute__((preserve_access_index));

#endif
