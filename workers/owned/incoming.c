/* SPDX-License-Identifier: MIT */
#include "workers/owned/incoming.h"

#include <bulkhead/net.h>

#include "workers/owned/files.h"

/* Commit: the store in the note. */
int bh_incoming_take(int i)
{
	_Atomic int32_t *word = &bh_rt.me->journal.incoming.fd[i];
	int fd = bh_ld_rlx(word);

	if (fd <= 0)
		return -1;
	fd = bh_file_opened(fd);
	bh_compiler_barrier();
	bh_st_rlx(word, 0);
	return fd;
}

void bh_incoming_drop(int fd)
{
	uint64_t by = bh_file_stamp_of(fd);

	bh_sys_close(fd);
	bh_file_closed(fd, by);
}

int bh_incoming_adopt(bh_io *out, int fd)
{
	int err = bh_io_adopt(out, fd);

	if (err)
		bh_incoming_drop(fd);
	return err;
}
