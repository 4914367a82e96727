/* SPDX-License-Identifier: MIT */
/* fs_call.h: one call on files, as it is handed to a job, and carried out (fs_call.c). */
#ifndef BH_WORKERS_OS_FS_CALL_H
#define BH_WORKERS_OS_FS_CALL_H

#include "workers/base/rt.h"

enum bh_fs_what {
	BH_FS_OPEN,
	BH_FS_PREAD,
	BH_FS_PWRITE,
	BH_FS_SYNC,
	BH_FS_TRUNCATE,
	BH_FS_STAT,
	BH_FS_FSTAT,
	BH_FS_RENAME,
	BH_FS_UNLINK,
	BH_FS_MKDIR,
	BH_FS_RMDIR,
	BH_FS_READDIR
};

struct bh_fs_call {
	uint32_t what;
	int32_t fd;        /* of an open file, which is */
	uint64_t ino, dev; /* this one */
	int32_t flags;     /* of open; sync: data alone; stat: follow */
	uint32_t mode;
	int64_t offset;
	uint64_t len;  /* of what is read or written */
	void *buf;     /* where to, or from: NULL: the reply, or `data` */
	uint32_t have; /* bytes in `data` */
	uint32_t reserved;
	char data[]; /* a path, two of them, or what is to be written */
};

/* Carries it out, blocking as it may: its value, or a negative error. What was opened is
 * the caller's number; it is noted as the running task's. */
int64_t bh_fs_do(struct bh_fs_call *c);

/* Carries out @c->what == BH_FS_READDIR; @room gives memory for the result (*out). */
int64_t bh_fs_list(const struct bh_fs_call *c, int (*room)(size_t len, void **out),
		   struct bh_fs_dir **out);

/* The function of the job: as above; what it reads is its reply. */
int64_t bh_fs_job(void *call);

/* In a blocking process: closes what its jobs opened for parents that are not there any
 * more to take it. True: there is something left that may yet be taken. */
bool bh_fs_settle(void);

#endif
