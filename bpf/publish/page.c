/* SPDX-License-Identifier: MIT */
#include "bpf/publish/page.h"

#include "ipc/system/trace_rings.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

int bh_page_create(struct bh_trace_page **page, int *fd)
{
	int err = 0;
	void *p = MAP_FAILED;
	int f = memfd_create("bulkhead-trace", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (f < 0)
		return -errno;
	if (ftruncate(f, BH_TRACE_BYTES) < 0) {
		err = -errno;
		goto out;
	}
	p = mmap(NULL, BH_TRACE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
	/* After the seals no new writable mapping is possible; the one above stays. */
	if (p == MAP_FAILED ||
	    fcntl(f, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) <
		    0)
		err = -errno;
out:
	if (err) {
		if (p != MAP_FAILED)
			munmap(p, BH_TRACE_BYTES);
		close(f);
		return err;
	}
	*page = p;
	(*page)->pid = (uint32_t)getpid();
	(*page)->magic = BH_TRACE_MAGIC;
	*fd = f;
	return 0;
}
