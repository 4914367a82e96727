/* SPDX-License-Identifier: MIT */
#include "bpf/follow/arenas.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* Checks the size: reading a mapping beyond the file's end is SIGBUS. */
static const void *map(int fd, size_t bytes)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_size < (off_t)bytes)
		return NULL;
	void *p = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return NULL;
	madvise(p, bytes, MADV_DONTDUMP); /* as bh_view_map() does */
	return p;
}

void bh_arenas_open(struct bh_arenas *a)
{
	const struct bh_plan *p = map(BH_PLAN_FD, sizeof(*p));

	if (p && p->magic == BH_PLAN_MAGIC && p->format == bh_format && p->bytes == sizeof(*p))
		a->plan = p;
	else if (p)
		munmap((void *)(uintptr_t)p, sizeof(*p));
}

bool bh_arenas_take(struct bh_arenas *a, uint32_t service, int fd, struct bh_probe_service *where)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct bh_layout l;

	if (!a->plan || service >= BH_PLAN_SERVICES || service >= a->plan->n_services ||
	    seals < 0 || !(seals & F_SEAL_SHRINK))
		return false;
	const struct bh_arena *header = map(fd, sizeof(*header));
	if (!header)
		return false;
	if (a->header[service])
		munmap((void *)(uintptr_t)a->header[service], sizeof(*header));
	a->header[service] = header;
	bh_layout_from_plan(&l, &a->plan->services[service]);
	*where = (struct bh_probe_service){ .workers = BH_ARENA_BASE + l.off_workers,
					    .tasks = BH_ARENA_BASE + l.off_tasks,
					    .n_tasks = l.tasks,
					    .service = service,
					    .worker_bytes = sizeof(struct bh_slot),
					    .current = offsetof(struct bh_slot, current) };
	return true;
}

bool bh_arenas_recording(const struct bh_arenas *a)
{
	for (uint32_t s = 0; s < BH_PLAN_SERVICES; s++)
		if (a->header[s] && bh_ld_rlx(&a->header[s]->recording))
			return true;
	return false;
}
