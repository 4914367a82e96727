/* SPDX-License-Identifier: MIT */
/* file_entry.h: the table of descriptors in the arena; files.h says how it is used. */
#ifndef BH_IPC_FILE_ENTRY_H
#define BH_IPC_FILE_ENTRY_H

#include <stdint.h>

#include "ipc/base/order.h"

#define BH_FILE_LOST (~0ull)

struct bh_file {
	_Atomic uint64_t by;   /* bh_file_stamp(), 0, or BH_FILE_LOST */
	_Atomic uint64_t task; /* handle of the task that opened it; 0: none */
	_Atomic uint64_t ino;  /* of the file; with the device, it */
	_Atomic uint32_t dev;  /* tells a number that was used again */
	_Atomic uint32_t io;   /* the I/O slot that was given this number last; a hint */
};
_Static_assert(sizeof(struct bh_file) == 32, "two in a cache line");

/* Part of the arena's header. */
struct bh_files {
	_Atomic uint32_t mark;       /* entries from here on were never noted */
	_Atomic uint32_t limit;      /* zygote: descriptors that the service may have */
	_Atomic uint64_t closed;     /* zygote: descriptors that it closed for dead tasks */
	_Atomic uint64_t refused;    /* workers: closes of another's descriptor; the last: */
	_Atomic uint32_t refused_by; /* 1 + type of the task that tried; 0: none */
	_Atomic uint32_t refused_of; /* 1 + type of the owner task; 0: the runtime */
	_Atomic int32_t refused_fd;
};

#endif
