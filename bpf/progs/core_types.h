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
enum {
	false,
	true
};
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
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_NOEXIST = 1,
	BPF_F_USER_STACK = 1 << 8,
	BPF_F_MMAPABLE = 1 << 10,
	BPF_RB_NO_WAKEUP = 1,
};

struct sched_entity {
	__u64 sum_exec_runtime; /* ns on a CPU */
} __attribute__((preserve_access_index));

struct task_struct {
	int pid;              /* of the thread, in the initial pid namespace */
	int tgid;             /* of the process */
	unsigned int __state; /* since Linux 5.14 */
	int exit_code;
	char comm[16];
	struct sched_entity se;
} __attribute__((preserve_access_index));

struct kernel_siginfo {
	int si_signo;
	int si_code;
	union {
		struct {
			void *_addr;
		} _sigfault;
	} _sifields;
} __attribute__((preserve_access_index));

/* As much as is copied of a thread's registers, and the word among them that is the
 * number of the system call; negative: none. */
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip,
		cs, flags, sp, ss;
} __attribute__((preserve_access_index));
#define BH_SYSCALL orig_ax
enum {
	NR_READ = 0,
	NR_WRITE = 1,
	NR_POLL = 7,
	NR_PREAD = 17,
	NR_PWRITE = 18,
	NR_READV = 19,
	NR_WRITEV = 20,
	NR_SELECT = 23,
	NR_ACCEPT = 43,
	NR_SENDTO = 44,
	NR_RECVFROM = 45,
	NR_SENDMSG = 46,
	NR_RECVMSG = 47,
	NR_FSYNC = 74,
	NR_FUTEX = 202,
	NR_EPOLL_WAIT = 232,
	NR_PPOLL = 271,
	NR_EPOLL_PWAIT = 281,
	NR_ACCEPT4 = 288,
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	int syscallno;
} __attribute__((preserve_access_index));
#define BH_SYSCALL syscallno
enum {
	NR_READ = 63,
	NR_WRITE = 64,
	NR_POLL = -1001,
	NR_PREAD = 67,
	NR_PWRITE = 68,
	NR_READV = 65,
	NR_WRITEV = 66,
	NR_SELECT = -1002,
	NR_ACCEPT = 202,
	NR_SENDTO = 206,
	NR_RECVFROM = 207,
	NR_SENDMSG = 211,
	NR_RECVMSG = 212,
	NR_FSYNC = 82,
	NR_FUTEX = 98,
	NR_EPOLL_WAIT = -1003,
	NR_PPOLL = 73,
	NR_EPOLL_PWAIT = 22,
	NR_ACCEPT4 = 242,
};
#endif
/* The same number on all machines. */
enum {
	NR_EPOLL_PWAIT2 = 441,
	NR_FUTEX_WAITV = 449,
	NR_FUTEX_WAIT = 455,
};

#endif
