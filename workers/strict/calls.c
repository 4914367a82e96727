/* SPDX-License-Identifier: MIT */
/*
 * calls.c: system calls that store into what is watched, or are given a pointer to
 * another process's memory: Linux answers them with EFAULT, and half of what they were to do
 * may be done by then (a datagram is gone, a child reaped).
 *
 *   a filter looks at the calls' numbers and arguments
 *     ── SIGSYS, on_call(): told of ──
 *   the call is made here, at an address that the filter lets pass, with the pages writable
 *
 * So are calls of the C library's own: fread() into a global. The filter goes on to what is
 * executed from here, where it is to find nothing: it looks for the addresses of this
 * process's own data and of private memory, and none of those are another program's, or with
 * a chance of a few in a million. Buffers that a vector names are looked at if the vector is
 * in the arena, on a fiber's stack for one.
 */
#include "workers/strict/calls.h"

#if defined(__x86_64__)

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#include "workers/base/rt.h"
#include "workers/crash/crash.h"
#include "workers/strict/heap.h"
#include "workers/strict/tell.h"
#include "workers/strict/watch.h"

enum {
	ARGS = 6,
	CALLS = 32,
	CODE = BPF_MAXINSNS,
	PARTS = 1024, /* of a vector */
	END = -1,
	BY_FILTER = 1, /* the si_code SYS_SECCOMP, which the C library does not name */
};

/* By each argument: the calls that store there; */
static const short stores[ARGS][CALLS] = {
	{ SYS_pipe, SYS_pipe2, SYS_poll, SYS_ppoll, SYS_getcwd, SYS_getrandom, SYS_time, SYS_uname,
	  SYS_sysinfo, SYS_times, SYS_gettimeofday, END },
	{ SYS_read,
	  SYS_pread64,
	  SYS_recvfrom,
	  SYS_accept,
	  SYS_accept4,
	  SYS_getsockname,
	  SYS_getpeername,
	  SYS_stat,
	  SYS_fstat,
	  SYS_lstat,
	  SYS_epoll_wait,
	  SYS_epoll_pwait,
	  SYS_readlink,
	  SYS_getdents64,
	  SYS_wait4,
	  SYS_clock_gettime,
	  SYS_getrlimit,
	  SYS_getrusage,
	  SYS_nanosleep,
	  SYS_getgroups,
	  SYS_statfs,
	  SYS_fstatfs,
	  SYS_timerfd_gettime,
	  SYS_select,
	  SYS_pselect6,
	  END },
	{ SYS_accept, SYS_accept4, SYS_getsockname, SYS_getpeername, SYS_newfstatat, SYS_readlinkat,
	  SYS_waitid, SYS_ioctl, SYS_rt_sigaction, SYS_sendfile, SYS_getxattr, SYS_fgetxattr,
	  SYS_sched_getaffinity, SYS_select, SYS_pselect6, END },
	{ SYS_socketpair, SYS_getsockopt, SYS_wait4, SYS_clock_nanosleep, SYS_timerfd_settime,
	  SYS_prlimit64, SYS_select, SYS_pselect6, END },
	{ SYS_recvfrom, SYS_getsockopt, SYS_statx, SYS_waitid, SYS_select, SYS_pselect6, END },
	{ SYS_recvfrom, END },
};

/* the calls that read there. */
static const short loads[ARGS][CALLS] = {
	{ SYS_open, SYS_creat, SYS_access, SYS_mkdir, SYS_rmdir, SYS_unlink, SYS_rename, SYS_chdir,
	  SYS_stat, SYS_lstat, SYS_readlink, SYS_truncate, SYS_chmod, END },
	{ SYS_write, SYS_pwrite64, SYS_sendto, SYS_connect, SYS_bind, SYS_openat, SYS_newfstatat,
	  SYS_unlinkat, SYS_mkdirat, SYS_faccessat, SYS_readlinkat, SYS_statx, SYS_rename, END },
	{ END },
	{ SYS_epoll_ctl, SYS_setsockopt, END },
	{ SYS_sendto, END },
	{ END },
};

static const short vectors[] = { SYS_readv,   SYS_preadv,  SYS_writev, SYS_pwritev,
				 SYS_recvmsg, SYS_sendmsg, END };

/* -- the filter ---------------------------------------------------------------------------- */

static struct {
	struct sock_filter code[CODE];
	unsigned n;
} filter;

static void put(uint16_t op, uint32_t k, unsigned yes, unsigned no)
{
	if (filter.n < CODE)
		filter.code[filter.n] =
			(struct sock_filter)BPF_JUMP(op, k, (uint8_t)yes, (uint8_t)no);
	filter.n++;
}

static void put_load(size_t at)
{
	put(BPF_LD | BPF_W | BPF_ABS, (uint32_t)at, 0, 0);
}

static void put_answer(uint32_t answer)
{
	put(BPF_RET | BPF_K, answer, 0, 0);
}

static size_t argument(int i)
{
	return offsetof(struct seccomp_data, args) + (size_t)i * sizeof(uint64_t);
}

static unsigned count(const short *calls)
{
	unsigned n = 0;

	while (calls[n] != END)
		n++;
	return n;
}

/* One instruction for each call, and so many. */
enum {
	AROUND = 3
};

/* Trapped if it is one of the calls. */
static void put_calls(const short *calls)
{
	unsigned n = count(calls);

	put_load(offsetof(struct seccomp_data, nr));
	for (unsigned i = 0; i < n; i++)
		put(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i], n - i, 0);
	put(BPF_JMP | BPF_JA, 1, 0, 0);
	put_answer(SECCOMP_RET_TRAP);
}

/* Is the argument another process's memory? By its high half: the parts have whole ones. */
static void put_foreign(int arg, const short *calls)
{
	uint32_t part = (uint32_t)(BH_STRICT_PART >> 32), base = (uint32_t)(BH_STRICT_BASE >> 32),
		 own = base + part * bh_strict_heap_own();
	unsigned behind = count(calls) + AROUND;

	put_load(argument(arg) + 4);
	put(BPF_JMP | BPF_JGE | BPF_K, base + part, 0, 3 + behind);
	put(BPF_JMP | BPF_JGE | BPF_K, base + part * BH_STRICT_HEAPS, 2 + behind, 0);
	put(BPF_JMP | BPF_JGE | BPF_K, own + part, 1, 0);
	put(BPF_JMP | BPF_JGE | BPF_K, own, behind, 0);
	put_calls(calls);
}

/* Leaves out the next instruction unless the argument is in the range, of which no more is
 * looked at than up to the next 4 GiB. */
static void put_in_range(int arg, struct bh_strict_range r)
{
	uint32_t high = (uint32_t)(r.from >> 32), low = (uint32_t)r.from,
		 last = (r.to - 1) >> 32 == high ? (uint32_t)(r.to - 1) : UINT32_MAX;

	put_load(argument(arg) + 4);
	put(BPF_JMP | BPF_JEQ | BPF_K, high, 0, 4);
	put_load(argument(arg));
	put(BPF_JMP | BPF_JGE | BPF_K, low, 0, 2);
	put(BPF_JMP | BPF_JGT | BPF_K, last, 1, 0);
}

static void put_stores(int arg)
{
	const uint32_t each = 6;

	for (uint32_t left = bh_strict.n_data; left--;) {
		put_in_range(arg, bh_strict.data[left]);
		put(BPF_JMP | BPF_JA, left * each + 1, 0, 0);
	}
	put(BPF_JMP | BPF_JA, count(stores[arg]) + AROUND, 0, 0);
	put_calls(stores[arg]);
}

static void put_vectors(void)
{
	uint32_t base = (uint32_t)(BH_ARENA_BASE >> 32),
		 end = (uint32_t)((BH_ARENA_BASE + bh_rt.v.l.bytes - 1) >> 32) + 1;
	unsigned behind = count(vectors) + AROUND;

	put_load(argument(1) + 4);
	put(BPF_JMP | BPF_JGE | BPF_K, base, 0, 1 + behind);
	put(BPF_JMP | BPF_JGE | BPF_K, end, behind, 0);
	put_calls(vectors);
}

extern const char bh_strict_called[];

static void make_filter(void)
{
	uintptr_t pass = (uintptr_t)bh_strict_called;

	filter.n = 0;
	put_load(offsetof(struct seccomp_data, arch));
	put(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	put_answer(SECCOMP_RET_ALLOW);
	put_load(offsetof(struct seccomp_data, instruction_pointer));
	put(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)pass, 0, 3);
	put_load(offsetof(struct seccomp_data, instruction_pointer) + 4);
	put(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(pass >> 32), 0, 1);
	put_answer(SECCOMP_RET_ALLOW);
	for (int i = 0; i < ARGS; i++) {
		put_foreign(i, stores[i]);
		put_foreign(i, loads[i]);
		put_stores(i);
	}
	put_vectors();
	put_answer(SECCOMP_RET_ALLOW);
}

/* -- the handler --------------------------------------------------------------------------- */

extern long bh_strict_call(long number, const greg_t args[ARGS]);

/* The address behind the instruction is what the filter sees. */
__asm__(".text\n"
	".type bh_strict_call, @function\n"
	"bh_strict_call:\n"
	"	mov %rdi, %rax\n"
	"	mov %rsi, %r11\n"
	"	mov (%r11), %rdi\n"
	"	mov 8(%r11), %rsi\n"
	"	mov 16(%r11), %rdx\n"
	"	mov 24(%r11), %r10\n"
	"	mov 32(%r11), %r8\n"
	"	mov 40(%r11), %r9\n"
	"	syscall\n"
	"bh_strict_called:\n"
	"	ret\n"
	".size bh_strict_call, . - bh_strict_call\n"
	".hidden bh_strict_call\n"
	".hidden bh_strict_called\n"
	".globl bh_strict_call\n"
	".globl bh_strict_called\n");

static bool is_one_of(long number, const short *calls)
{
	while (*calls != END && *calls != number)
		calls++;
	return *calls != END;
}

struct call {
	long number;
	greg_t args[ARGS];
	uintptr_t ip, sp;
};

static void look_at(const struct call *c, uintptr_t at, bool is_stored)
{
	if (bh_strict_heap_of(at))
		bh_strict_tell_pointer(at, c->ip, c->sp, true);
	else if (is_stored && bh_strict_part(at) >= 0 && !bh_strict_in(&bh_strict.marked, at))
		bh_strict_tell_store(at, c->ip, c->sp, true);
}

static void look_at_vector(const struct call *c)
{
	const struct msghdr *m = (const struct msghdr *)c->args[1];
	bool whole = c->number == SYS_recvmsg || c->number == SYS_sendmsg,
	     is_stored =
		     c->number == SYS_recvmsg || c->number == SYS_readv || c->number == SYS_preadv;
	const struct iovec *v = whole ? m->msg_iov : (const struct iovec *)c->args[1];
	size_t n = whole ? m->msg_iovlen : (size_t)c->args[2];

	for (size_t i = 0; i < n && i < PARTS; i++)
		look_at(c, (uintptr_t)v[i].iov_base, is_stored && v[i].iov_len);
}

static void look(const struct call *c)
{
	for (int i = 0; i < ARGS; i++)
		if (is_one_of(c->number, stores[i]))
			look_at(c, (uintptr_t)c->args[i], true);
		else if (is_one_of(c->number, loads[i]))
			look_at(c, (uintptr_t)c->args[i], false);
	if (is_one_of(c->number, vectors) &&
	    (uintptr_t)c->args[1] - BH_ARENA_BASE < bh_rt.v.l.bytes)
		look_at_vector(c);
}

static void make(const struct call *c, greg_t *r)
{
	bool worker = getpid() == bh_rt.pid;

	if (worker)
		look(c);
	bh_strict_protect(PROT_READ | PROT_WRITE);
	r[REG_RAX] = bh_strict_call(c->number, c->args);
	if (worker)
		bh_strict_protect(PROT_READ);
}

static void on_call(int sig, siginfo_t *info, void *context)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
	struct call c = { .number = info->si_syscall,
			  .args = { r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10], r[REG_R8],
				    r[REG_R9] },
			  .ip = (uintptr_t)r[REG_RIP] - 2, /* the instruction */
			  .sp = (uintptr_t)r[REG_RSP] };
	int before = errno;

	if (info->si_code != BY_FILTER) {
		signal(sig, SIG_DFL);
		bh_crash_fatal(sig, info, context);
		return;
	}
	/* Of this one only the call knows whether it stores. */
	if (c.number != SYS_ioctl || (r[REG_RAX] = bh_strict_call(c.number, c.args)) == -EFAULT)
		make(&c, r);
	errno = before;
}

void bh_strict_calls_begin(void)
{
	struct sigaction sa = { .sa_sigaction = on_call,
				.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
	struct sock_fprog program = { .filter = filter.code };

	make_filter();
	program.len = (unsigned short)filter.n;
	sigaddset(&sa.sa_mask, SIGURG);
	sigaction(SIGSYS, &sa, NULL);
	if (filter.n <= CODE && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	    !syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program))
		return;
	if (bh_rt.slot == 0)
		perror("--strict: system calls that store into globals are not watched");
}

#else

void bh_strict_calls_begin(void)
{
}

#endif
