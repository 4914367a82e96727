/* SPDX-License-Identifier: MIT */
/*
 * unwind.h: backtraces of suspended fibers and of dead workers, from copies of their stacks.
 *
 * All workers of a service are forks of one image, so the mappings, and with
 * them every function's address, are read from any worker (/proc/PID/maps). The frames are
 * found by the unwind tables of the programs (libdw), else by frame pointers. The copy is
 * not trusted: a pointer that leads out of it is not followed.
 */
#ifndef BH_TOOLS_BHCTL_CODE_UNWIND_H
#define BH_TOOLS_BHCTL_CODE_UNWIND_H

#include <stddef.h>
#include <stdint.h>

enum {
	BH_FRAMES = 64 /* of one fiber */
};

struct bh_frame {
	uint64_t pc;
	uint64_t offset;      /* from the function's begin */
	const char *function; /* NULL: not known. The texts are the unwinder's */
	const char *module;   /* path of the program or library; NULL: not known */
	const char *file;     /* source; NULL: not known */
	int line;
};

struct bh_unwinder;

/* For the image that process @pid runs. NULL: @why says what is missing. */
struct bh_unwinder *bh_unwinder_open(int pid, char why[256]);
void bh_unwinder_close(struct bh_unwinder *u);

/* The frames of the fiber whose suspended context lies at address @at: @bytes, @n of
 * them, are its stack from there on. Returns how many, the innermost first. */
size_t bh_unwind(struct bh_unwinder *u, uint64_t at, const void *bytes, size_t n,
		 struct bh_frame out[BH_FRAMES]);

/* The same for a worker that died with the @n_regs registers @regs (as in struct pt_regs), and
 * @bytes at its stack pointer. 0: nothing is known, or not on this processor. */
size_t bh_unwind_crash(struct bh_unwinder *u, const uint64_t *regs, size_t n_regs,
		       const void *bytes, size_t n, struct bh_frame out[BH_FRAMES]);

#endif
