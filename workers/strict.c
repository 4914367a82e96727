/* SPDX-License-Identifier: MIT */
/*
 * strict.c: watches the writable data of a service's module.
 *
 *   its pages are read-only; a store faults
 *     ── on_fault(): told of, once for each place ──
 *   the pages are writable for one instruction (the processor's trap flag)
 *     ── on_step(): read-only again ──
 *
 * So a program goes on as it would, and one run tells of all. The line is written by
 * bulkhead-strict, which reads the module's tables and this process's map while it waits:
 * no worker loads a debugger's library, least of all in a handler.
 *
 * Places that were told of stand in memory that all processes of the service share, as
 * many as there is room for; whoever is killed between the note and the line leaves one
 * untold. Not watched: the runtime's own data, other libraries', and the heap. What a
 * system call would store there fails with EFAULT.
 */
#include "workers/strict.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "ipc/order.h"
#include "workers/crash.h"
#include "workers/lines.h"
#include "workers/rt.h"

enum {
	PLACES = 256,
	LOOK_UP = 128, /* words of the stack, for the call that led out of the module */
	TRAP_FLAG = 0x100,
};

struct range {
	uintptr_t from, to;
};

static struct {
	struct range data, code, marked;
	_Atomic uint64_t *told; /* PLACES of them */
	bool found;
} watch;

static _Thread_local uintptr_t stepping; /* over the instruction there; 0: no */

static bool is_in(const struct range *r, uintptr_t at)
{
	return at >= r->from && at < r->to;
}

/* -- what there is to watch --------------------------------------------------------------- */

struct search {
	uintptr_t inside, base;
	bool program; /* it is the program itself, which has the runtime in it */
};

static int find(struct dl_phdr_info *o, size_t size, void *arg)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	struct search *s = arg;
	struct range data = { 0 }, code = { 0 }, all = { UINTPTR_MAX, 0 };
	uintptr_t fixed = 0;

	(void)size;
	for (int i = 0; i < o->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &o->dlpi_phdr[i];
		struct range r = { o->dlpi_addr + p->p_vaddr, 0 };

		r.to = r.from + p->p_memsz;
		if (p->p_type == PT_GNU_RELRO)
			fixed = r.to & ~(page - 1);
		if (p->p_type != PT_LOAD)
			continue;
		all.from = r.from < all.from ? r.from : all.from;
		all.to = r.to > all.to ? r.to : all.to;
		if (p->p_flags & PF_W)
			data = (struct range){ r.from & ~(page - 1),
					       (r.to + page - 1) & ~(page - 1) };
		if (p->p_flags & PF_X)
			code = r;
	}
	if (!is_in(&all, s->inside))
		return 0;
	s->base = o->dlpi_addr;
	s->program = !o->dlpi_name[0];
	watch.code = code;
	watch.data = data;
	if (fixed > data.from)
		watch.data.from = fixed;
	return 1;
}

/* The section that BH_PRIVATE names: loaded with the data, but only the file says where. */
static void find_marked(const unsigned char *file, size_t bytes, uintptr_t base)
{
	const ElfW(Ehdr) *h = (const void *)file;
	const ElfW(Shdr) *s = (const void *)(file + h->e_shoff);

	if (bytes < sizeof(*h) || h->e_shoff > bytes || h->e_shentsize != sizeof(*s) ||
	    h->e_shnum > (bytes - h->e_shoff) / sizeof(*s) || h->e_shstrndx >= h->e_shnum)
		return;
	const ElfW(Shdr) *names = &s[h->e_shstrndx];

	if (names->sh_offset > bytes || names->sh_size > bytes - names->sh_offset)
		return;
	for (unsigned i = 0; i < h->e_shnum; i++)
		if (s[i].sh_name + sizeof("bh_private") <= names->sh_size &&
		    !strcmp((const char *)file + names->sh_offset + s[i].sh_name, "bh_private"))
			watch.marked = (struct range){ base + s[i].sh_addr,
						       base + s[i].sh_addr + s[i].sh_size };
}

static void read_marked(uintptr_t base)
{
	int fd = open(bh_rt.plan_service->module, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && st.st_size > 0) {
		void *file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

		if (file != MAP_FAILED) {
			find_marked(file, (size_t)st.st_size, base);
			munmap(file, (size_t)st.st_size);
		}
	}
	close(fd);
}

void bh_strict_find(const void *service)
{
	struct search s = { .inside = (uintptr_t)service };

	if (!bh_rt.plan->strict)
		return;
	if (!dl_iterate_phdr(find, &s) || s.program || watch.data.from >= watch.data.to) {
		fputs("--strict: nothing is watched: the service is part of its program, not a "
		      "module of its own\n",
		      stderr);
		return;
	}
	read_marked(s.base);
	watch.told = mmap(NULL, PLACES * sizeof(*watch.told), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	watch.found = watch.told != MAP_FAILED;
}

static void protect(int how)
{
	mprotect((void *)watch.data.from, watch.data.to - watch.data.from, how);
}

/* -- telling ------------------------------------------------------------------------------ */

/* The CAS takes the cell. No recovery reads the cells: a place that is noted and not told
 * is missing from the report, and nothing else. */
static bool is_news(uint64_t place)
{
	for (int i = 0; i < PLACES; i++) {
		uint64_t there = 0;

		if (bh_ld_rlx(&watch.told[i]) == place)
			return false;
		if (bh_cas(&watch.told[i], &there, place))
			return true;
		if (there == place)
			return false;
	}
	return false;
}

/* The line of the module that stores, or called what does. */
static uintptr_t place_of(uintptr_t ip, const uintptr_t *sp)
{
	if (is_in(&watch.code, ip))
		return ip;
	for (int i = 0; i < LOOK_UP; i++)
		if (is_in(&watch.code, sp[i]))
			return sp[i] - 1;
	return ip;
}

static void tell(uintptr_t place, uintptr_t global)
{
	char path[sizeof(bh_rt.plan->libexec) + 32], who[BH_LINES_PREFIX], pid[16], at[24], to[24];
	char *args[] = { path, pid, at, to, who, NULL };
	extern char **environ;
	pid_t child;

	snprintf(path, sizeof(path), "%s/bulkhead-strict", bh_rt.plan->libexec);
	snprintf(pid, sizeof(pid), "%d", getpid());
	snprintf(at, sizeof(at), "%#llx", (unsigned long long)place);
	snprintf(to, sizeof(to), "%#llx", (unsigned long long)global);
	bh_lines_prefix(who);
	if (!posix_spawn(&child, path, NULL, NULL, args, environ))
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			;
}

/* -- the handlers -------------------------------------------------------------------------- */

static void not_ours(int sig, siginfo_t *info, void *context)
{
	signal(sig, SIG_DFL); /* as SA_RESETHAND has it */
	bh_crash_fatal(sig, info, context);
}

#if defined(__x86_64__)
static void on_step(int sig, siginfo_t *info, void *context)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;

	if (!stepping) {
		not_ours(sig, info, context);
		return;
	}
	if ((uintptr_t)r[REG_RIP] == stepping)
		return; /* one that repeats itself */
	stepping = 0;
	r[REG_EFL] &= ~(greg_t)TRAP_FLAG;
	protect(PROT_READ);
}

static void step(ucontext_t *u)
{
	stepping = (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
	u->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

static void where(const ucontext_t *u, uintptr_t *ip, uintptr_t *sp)
{
	*ip = (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
	*sp = (uintptr_t)u->uc_mcontext.gregs[REG_RSP];
}
#else
/* Nothing steps here: the data stays writable, and the process has told of one write. */
static void step(ucontext_t *u)
{
	(void)u;
}

static void where(const ucontext_t *u, uintptr_t *ip, uintptr_t *sp)
{
	*ip = u->uc_mcontext.pc;
	*sp = u->uc_mcontext.sp;
}
#endif

static void on_fault(int sig, siginfo_t *info, void *context)
{
	uintptr_t address = (uintptr_t)info->si_addr, ip, sp;
	int before = errno;

	if (info->si_code != SEGV_ACCERR || !is_in(&watch.data, address) || stepping) {
		not_ours(sig, info, context);
		return;
	}
	if (getpid() != bh_rt.pid) {
		protect(PROT_READ | PROT_WRITE); /* a child of a task's: no worker */
		return;
	}
	where(context, &ip, &sp);
	if (!is_in(&watch.marked, address)) {
		uintptr_t place = place_of(ip, (const uintptr_t *)sp);

		if (is_news(place))
			tell(place, address);
	}
	protect(PROT_READ | PROT_WRITE);
	step(context);
	errno = before;
}

void bh_strict_begin(void)
{
	struct sigaction fault = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	if (!watch.found)
		return;
	sigaddset(&fault.sa_mask, SIGURG);
	sigaction(SIGSEGV, &fault, NULL);
#if defined(__x86_64__)
	fault.sa_sigaction = on_step;
	sigaction(SIGTRAP, &fault, NULL);
#endif
	protect(PROT_READ);
}
