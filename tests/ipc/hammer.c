/* SPDX-License-Identifier: MIT */
#include "hammer.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void *shared(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(p, MAP_FAILED);
	return p;
}

void hammer_make(struct hammer *h, uint32_t tasks)
{
	struct bh_layout l;
	int fd;

	bh_layout_init(&l, HAMMERS, tasks, 64, 1 << 20);
	fd = bh_arena_create(&l, "hammer", 1);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bh_view_map(&h->v, &l, fd, NULL, true), 0);
	close(fd);
	h->tasks = tasks;
	h->count = shared(4096);
	h->seen = shared(sizeof(*h->seen) * l.tasks);
}

void hammer_free(struct hammer *h)
{
	munmap(h->count, 4096);
	munmap(h->seen, sizeof(*h->seen) * h->v.l.tasks);
	bh_view_unmap(&h->v);
}

void hammer_processes(struct hammer *h, hammer_fn fn)
{
	pid_t pid[HAMMERS];
	int status;

	for (uint32_t i = 0; i < HAMMERS; i++) {
		pid[i] = fork();
		ck_assert_int_ge(pid[i], 0);
		if (pid[i] == 0) {
			fn(h, i);
			_exit(0);
		}
	}
	for (uint32_t i = 0; i < HAMMERS; i++) {
		ck_assert_int_eq(waitpid(pid[i], &status, 0), pid[i]);
		ck_assert_int_eq(status, 0);
	}
}

struct thread {
	struct hammer *h;
	hammer_fn fn;
	uint32_t slot;
};

static void *thread_main(void *arg)
{
	struct thread *t = arg;

	t->fn(t->h, t->slot);
	return NULL;
}

void hammer_threads(struct hammer *h, hammer_fn fn)
{
	struct thread t[HAMMERS];
	pthread_t id[HAMMERS];

	for (uint32_t i = 0; i < HAMMERS; i++) {
		t[i] = (struct thread){ h, fn, i };
		ck_assert_int_eq(pthread_create(&id[i], NULL, thread_main, &t[i]), 0);
	}
	for (uint32_t i = 0; i < HAMMERS; i++)
		ck_assert_int_eq(pthread_join(id[i], NULL), 0);
}
