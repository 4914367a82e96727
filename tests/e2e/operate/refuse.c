/* SPDX-License-Identifier: MIT */
/*
 * refuse.c: runs a program of which Linux refuses one system call, or all that a container
 * of Docker's default profile refuses.
 *
 *   refuse --list                         the calls that a system makes, one a line
 *   refuse CALL[,CALL...] HOW PROGRAM     HOW: ENOSYS or EPERM; KILL: who makes it is killed
 *   refuse container PROGRAM              without any capability, too
 *
 * A line of the list is the call's name and, for one that is out of our hands, why.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOADER     "the loader and the C library do not start a program without it"
#define CALL(name) #name, SYS_##name, NULL
#define OUT(name)  #name, SYS_##name

static const struct call {
	const char *name;
	int number;
	const char *out_of_hand;
} calls[] = {
	{ CALL(accept4) },
	{ CALL(bind) },
	{ CALL(bpf) },
	{ CALL(brk) },
	{ CALL(capget) },
	{ CALL(capset) },
	{ CALL(clone) },
	{ CALL(clone3) },
	{ OUT(close), LOADER },
	{ CALL(close_range) },
	{ CALL(connect) },
	{ CALL(dup) },
	{ CALL(dup3) },
	{ CALL(epoll_create1) },
	{ CALL(epoll_ctl) },
	{ CALL(epoll_pwait2) },
	{ CALL(eventfd2) },
	{ OUT(execve), LOADER },
	{ CALL(execveat) },
	{ CALL(exit_group) },
	{ CALL(faccessat2) },
	{ CALL(fchmod) },
	{ CALL(fchown) },
	{ CALL(fcntl) },
	{ CALL(flock) },
	{ CALL(ftruncate) },
	{ CALL(futex) },
	{ CALL(get_robust_list) },
	{ CALL(getdents64) },
	{ CALL(geteuid) },
	{ CALL(getpid) },
	{ CALL(getppid) },
	{ CALL(getrandom) },
	{ CALL(getsockname) },
	{ CALL(getsockopt) },
	{ CALL(gettid) },
	{ CALL(kill) },
	{ CALL(listen) },
	{ CALL(lseek) },
	{ CALL(madvise) },
	{ CALL(memfd_create) },
	{ OUT(mmap), LOADER },
	{ OUT(mprotect), LOADER },
	{ CALL(mremap) },
	{ CALL(munmap) },
	{ OUT(newfstatat), LOADER },
	{ OUT(openat), LOADER },
	{ CALL(perf_event_open) },
	{ CALL(pidfd_open) },
	{ CALL(pidfd_send_signal) },
	{ CALL(pipe2) },
	{ CALL(ppoll) },
	{ CALL(prctl) },
	{ OUT(pread64), LOADER },
	{ CALL(prlimit64) },
	{ CALL(pwrite64) },
	{ OUT(read), LOADER },
	{ CALL(recvfrom) },
	{ CALL(recvmsg) },
	{ CALL(rseq) },
	{ CALL(rt_sigaction) },
	{ CALL(rt_sigprocmask) },
	{ CALL(rt_sigreturn) },
	{ CALL(rt_sigtimedwait) },
	{ CALL(sched_getaffinity) },
	{ CALL(sched_yield) },
	{ CALL(sendmsg) },
	{ CALL(sendto) },
	{ CALL(set_robust_list) },
	{ CALL(set_tid_address) },
	{ CALL(setgid) },
	{ CALL(setgroups) },
	{ CALL(setitimer) },
	{ CALL(setsid) },
	{ CALL(setsockopt) },
	{ CALL(setuid) },
	{ CALL(shutdown) },
	{ CALL(sigaltstack) },
	{ CALL(signalfd4) },
	{ CALL(socket) },
	{ CALL(socketpair) },
	{ CALL(tgkill) },
	{ CALL(umask) },
	{ CALL(uname) },
	{ CALL(wait4) },
	{ CALL(waitid) },
	{ OUT(write), "nothing can be said without it" },
#ifdef SYS_dup2
	{ CALL(access) },
	{ OUT(arch_prctl), LOADER },
	{ CALL(dup2) },
	{ CALL(epoll_wait) },
	{ CALL(mkdir) },
	{ CALL(poll) },
	{ CALL(readlink) },
	{ CALL(rmdir) },
	{ CALL(unlink) },
#else
	{ CALL(epoll_pwait) },
	{ CALL(faccessat) },
	{ CALL(mkdirat) },
	{ CALL(readlinkat) },
	{ CALL(unlinkat) },
#endif
};

enum {
	CALLS = sizeof(calls) / sizeof(*calls),
	INSNS = 64,
};

static struct sock_filter prog[INSNS];
static unsigned short n_insns;

static void put(struct sock_filter insn)
{
	if (n_insns == INSNS) {
		fprintf(stderr, "refuse: too many calls for one filter\n");
		exit(100);
	}
	prog[n_insns++] = insn;
}

static void load(size_t offset)
{
	put((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset));
}

static void refuse(int number, unsigned action)
{
	put((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1));
	put((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* What Docker's default profile refuses who has no capability, as far as it may matter here:
 * it allows a list, and these are not on it. */
static void container(void)
{
	static const int eperm[] = {
		SYS_bpf,
		SYS_kcmp,
		SYS_keyctl,
		SYS_mount,
		SYS_open_by_handle_at,
		SYS_perf_event_open,
		SYS_process_vm_readv,
		SYS_process_vm_writev,
		SYS_setns,
		SYS_unshare,
		SYS_userfaultfd,
		SYS_pidfd_getfd,
		SYS_process_madvise,
		SYS_io_uring_setup,
		SYS_get_mempolicy,
		SYS_mbind,
	};

	for (int cap = 0; !prctl(PR_CAPBSET_DROP, cap, 0, 0, 0); cap++)
		;
	refuse(SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
	for (size_t i = 0; i < sizeof(eperm) / sizeof(*eperm); i++)
		refuse(eperm[i], SECCOMP_RET_ERRNO | EPERM);
	/* clone() with any flag for a new namespace. */
	put((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3));
	load(offsetof(struct seccomp_data, args));
	put((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K,
					 CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
						 CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP,
					 0, 1));
	put((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
}

static unsigned action_of(const char *how)
{
	if (!strcmp(how, "ENOSYS"))
		return SECCOMP_RET_ERRNO | ENOSYS;
	if (!strcmp(how, "EPERM"))
		return SECCOMP_RET_ERRNO | EPERM;
	if (!strcmp(how, "KILL"))
		return SECCOMP_RET_KILL_PROCESS;
	fprintf(stderr, "refuse: neither ENOSYS, EPERM nor KILL: %s\n", how);
	exit(100);
}

static void named(char *names, const char *how)
{
	unsigned action = action_of(how);

	for (char *name = strtok(names, ","); name; name = strtok(NULL, ",")) {
		size_t i = 0;

		while (i < CALLS && strcmp(calls[i].name, name) != 0)
			i++;
		if (i == CALLS) {
			fprintf(stderr, "refuse: no call %s on the list\n", name);
			exit(100);
		}
		refuse(calls[i].number, action);
	}
}

int main(int argc, char **argv)
{
	int at = 3;

	if (argc == 2 && !strcmp(argv[1], "--list")) {
		for (size_t i = 0; i < CALLS; i++)
			printf("%s %s\n", calls[i].name,
			       calls[i].out_of_hand ? calls[i].out_of_hand : "");
		return 0;
	}
	load(offsetof(struct seccomp_data, nr));
	if (argc > 2 && !strcmp(argv[1], "container")) {
		container();
		at = 2;
	} else if (argc > 3) {
		named(argv[1], argv[2]);
	} else {
		fprintf(stderr, "usage: refuse --list | CALLS HOW PROGRAM | container PROGRAM\n");
		return 100;
	}
	put((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER,
		  &(struct sock_fprog){ .len = n_insns, .filter = prog })) {
		perror("refuse: no filter here");
		return 77;
	}
	execvp(argv[at], argv + at);
	perror(argv[at]);
	return 77;
}
