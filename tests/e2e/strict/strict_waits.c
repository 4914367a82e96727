/* SPDX-License-Identifier: MIT */
/* strict_waits.c: a service whose tasks keep across a wait what is their process's own, for
 * strict_waits.sh. The lines with a name in a comment are looked for there. */
#include <bulkhead/bulkhead.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

int strictly_shared(void);
int strictly_private(void);

BH_PRIVATE_LIBRARY("libstrictly_private");

static __thread int last, unchanged;
static BH_PRIVATE_TLS __thread int own;
static char text[32];
static char page[65536];
static BH_PRIVATE char cache[32];

static void wait_a_bit(void)
{
	if (bh_sleep(BH_MS(2)))
		abort();
}

/* -- pointers ------------------------------------------------------------------------------ */

static int64_t store(void *unused)
{
	volatile char *p = malloc(100);

	(void)unused;
	wait_a_bit();
	p[0] = 'x'; /* stores */
	return p[0];
}

static int64_t load(void *unused)
{
	const char *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)unused;
	bh_yield();
	return p[10]; /* loads */
}

static int64_t release(void *unused)
{
	char *p = strdup("kept");

	(void)unused;
	wait_a_bit();
	free(p); /* frees */
	return 0;
}

static int64_t hand(void *unused)
{
	char *p = strdup("kept");
	int fd[2];

	(void)unused;
	wait_a_bit();
	if (pipe(fd))
		return -2;
	ssize_t n = write(fd[1], p, 4); /* hands */
	close(fd[0]);
	close(fd[1]);
	return n;
}

static int64_t use(void *given)
{
	return **(char **)given; /* is given */
}

static int64_t pass(void *unused)
{
	char *p = strdup("kept");
	struct bh_result r;
	bh_task t;

	(void)unused;
	if (bh_spawn_blocking(&t, use, &p, sizeof(p), NULL) || bh_join(t, &r, BH_FOREVER))
		return -1;
	return r.end == BH_END_CRASHED ? -r.crash.signal : r.value;
}

/* -- thread-locals ------------------------------------------------------------------------- */

static int64_t remember(void *unused)
{
	(void)unused;
	last++;
	own++;
	if (bh_sleep(BH_MS(2))) /* remembers */
		return -1;
	last += unchanged;
	bh_yield();
	return 1;
}

static enum bh_poll remember_polled(struct bh_cx *cx, void *state)
{ /* polls */
	last++;
	bh_poll_again(cx);
	return ++*(int *)state == 3 ? BH_READY : BH_PENDING;
}

/* -- libraries ----------------------------------------------------------------------------- */

static int64_t borrow(void *unused)
{
	(void)unused;
	return strictly_shared() + strictly_private(); /* borrows */
}

/* -- system calls -------------------------------------------------------------------------- */

static int pipe_with(const char *what)
{
	int fd[2];

	if (pipe(fd) || write(fd[1], what, strlen(what)) < 0)
		return -1;
	close(fd[1]);
	return fd[0];
}

static int64_t receive(void *unused)
{
	int fd = pipe_with("abcdef");
	struct iovec v = { .iov_base = text + 2, .iov_len = 2 };
	int64_t value = 0;

	(void)unused;
	value += read(fd, text, 2) == 2 && text[1] == 'b'; /* reads */
	value += readv(fd, &v, 1) == 2 && text[3] == 'd';  /* reads a vector */
	value += read(fd, cache, 2) == 2 && cache[1] == 'f';
	value += write(STDERR_FILENO, text, 0) == 0;
	close(fd);
	return value;
}

static int64_t load_file(void *unused)
{
	FILE *f = fopen("/proc/self/exe", "r");

	(void)unused;
	size_t n = f ? fread(page, 1, sizeof(page), f) : 0; /* reads a file */
	if (f)
		fclose(f);
	return n == sizeof(page) && !memcmp(page, "\177ELF", 4);
}

/* -- all of them --------------------------------------------------------------------------- */

static void call(bh_fiber_fn fn, const char *name)
{
	struct bh_spawn_opts o = { .size = sizeof(o), .name = name };
	struct bh_result r;
	bh_task t;

	if (bh_spawn(&t, fn, NULL, 0, &o) || bh_join(t, &r, BH_FOREVER))
		printf("%s: no end\n", name);
	else
		printf("%s: %d\n", name,
		       (int)(r.end == BH_END_CRASHED ? -r.crash.signal : r.value));
}

static void call_polled(void)
{
	struct bh_spawn_opts o = { .size = sizeof(o), .name = "strict.polled" };
	struct bh_result r;
	bh_task t;
	int state = 0;

	if (bh_spawn_poll(&t, remember_polled, &state, sizeof(state), &o) ||
	    bh_join(t, &r, BH_FOREVER))
		puts("strict.polled: no end");
}

static int64_t run(void *unused)
{
	(void)unused;
	call(store, "strict.store");
	call(load, "strict.load");
	call(release, "strict.release");
	call(hand, "strict.hand");
	call(pass, "strict.pass");
	call(remember, "strict.remember");
	call_polled();
	call(borrow, "strict.borrow");
	call(receive, "strict.receive");
	call(load_file, "strict.file");
	return 0;
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "strict_waits",
	.main = run,
};
