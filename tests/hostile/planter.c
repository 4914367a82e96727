/* SPDX-License-Identifier: MIT */
/*
 * planter.c: an HTTP service that breaks its own arena on request.
 *
 *     GET /names      the audits it can violate, one a line
 *     GET /NAME       violates that one
 *     GET /scribble   writes garbage over all tables until it is ended
 *     GET /hello      does no harm
 *
 * Nothing crashes for it: the worker stays in the poll that did it, and the kernel
 * has to notice by itself. Options: tasks, io, memory: the service's limits, by
 * which it knows where everything is.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bulkhead/bulkhead.h>

#include "ipc/arena/arena.h"
#include "tests/evil.h"

enum {
	WORKERS = 2,
	BYSTANDERS = 20,
	STAY_S = 30, /* longer than the test waits */
};

static struct bh_view view;

/* -- what to break ------------------------------------------------------------------ */

/* A task that sleeps. */
static struct bh_tcb *victim(void)
{
	for (uint32_t i = 2; i < 64; i++)
		if (bh_state_of(bh_ld_acq(&view.tasks[i].state)) == BH_WAITING)
			return &view.tasks[i];
	abort();
}

/* A block of the victim's (its stack, if no other). A free block is no place to plant
 * in: the kernel, when it trims, writes its own marks there. */
static struct bh_block *block_in_use(void)
{
	uint32_t owner = (uint32_t)(victim() - view.tasks);

	for (uint32_t c = 0; c < BH_CLASSES; c++)
		for (uint32_t i = 1; i < bh_ld_acq(&view.block_pool[c].pool->mark); i++)
			if (bh_handle_idx(bh_ld_acq(&view.blocks[c][i].owner)) == owner)
				return &view.blocks[c][i];
	abort();
}

static void plant_header(void)
{
	view.a->magic++;
}

static void plant_guard(void)
{
	memset((unsigned char *)view.a + view.l.off_guard[3], 0xaa, 8);
}

static void plant_state_valid(void)
{
	bh_or(&victim()->state, 0xf);
}

static void plant_holder_valid(void)
{
	bh_or(&victim()->state, 9ull << 16);
}

static void plant_holder_current(void)
{
	struct bh_tcb *t = victim();
	uint64_t word = bh_ld_acq(&view.workers[0].word), w = bh_ld_acq(&t->state);

	bh_st_rel(&t->state, bh_state_make(bh_state_gen(w), (uint32_t)(word >> 16), 0,
					   w & BH_FLAG_MASK, BH_RUNNING));
}

static void plant_detached_done(void)
{
	struct bh_tcb *t = victim();

	bh_st_rel(&t->state, bh_state_unheld(bh_ld_acq(&t->state) | BH_DETACHED, BH_DONE));
}

static void plant_task_links(void)
{
	bh_st_rlx(&victim()->child, view.l.tasks);
}

static void plant_type(void)
{
	victim()->type = BH_TYPES;
}

static void plant_pinned_home(void)
{
	bh_or(&victim()->state, BH_PINNED);
}

static void plant_block_owner(void)
{
	bh_st_rel(&block_in_use()->owner, bh_handle(1, view.l.tasks));
}

static void plant_block_link(void)
{
	bh_st_rlx(&block_in_use()->next, bh_block_ref(0, view.l.blocks[0]));
}

static void plant_io_owner(void)
{
	bh_st_rel(&view.ios[60].owner, bh_handle(0, 1));
}

static void plant_token_owner(void)
{
	bh_st_rel(&view.tokens[BH_TOKEN_SERVICE].owner, bh_handle(0, 1));
}

static void plant_token_cell(void)
{
	bh_st_rel(&view.tokens[BH_TOKEN_SERVICE].cell[0], bh_handle(1, view.l.tasks));
}

static void plant_io_slot(void)
{
	bh_st_rel(&view.ios[60].ready[0], 0xff);
}

static void plant_pool_mark(void)
{
	bh_st_rel(&view.task_pool.pool->mark, 1u << 30);
}

static void plant_pool_cache(void)
{
	for (uint32_t w = 0; w < WORKERS; w++)
		view.workers[w].ios.idx[BH_POOL_CACHE - 1] = view.l.ios;
}

static void plant_runq(void)
{
	for (uint32_t w = 0; w < WORKERS; w++)
		bh_st_rel(&view.workers[w].runq.tail,
			  bh_ld_acq(&view.workers[w].runq.head) + BH_RUNQ_CAP + 1);
}

static void plant_inject(void)
{
	bh_add(&view.inject.q->tail, 1ull << 40);
}

static void plant_inject_cell(void)
{
	uint64_t head = bh_ld_acq(&view.inject.q->head);

	bh_st_rel(&view.inject.cells[head & view.inject.mask], bh_handle(99, 5));
}

static void plant_idle_mask(void)
{
	bh_or(&view.a->idle.searching, 1ull << WORKERS);
}

static void plant_park(void)
{
	for (uint32_t w = 0; w < WORKERS; w++)
		bh_st_rel(&view.workers[w].park, 77);
}

static void plant_current(void)
{
	for (uint32_t w = 0; w < WORKERS; w++)
		bh_st_rel(&view.workers[w].current, ~0ull);
}

static void plant_journal(void)
{
	for (uint32_t w = 0; w < WORKERS; w++)
		bh_st_rel(&view.workers[w].journal.block, ~0u);
}

static void plant_worker_word(void)
{
	for (uint32_t w = 0; w < WORKERS; w++)
		bh_st_rel(&view.workers[w].word, bh_slot_word(BH_SLOT_UP, 1234, 1));
}

static void plant_run_state(void)
{
	bh_st_rel(&view.a->run_state, 77);
}

static const struct {
	const char *name;
	void (*plant)(void);
} plants[] = {
	{ "header", plant_header },
	{ "guard", plant_guard },
	{ "state-valid", plant_state_valid },
	{ "holder-valid", plant_holder_valid },
	{ "holder-current", plant_holder_current },
	{ "detached-done", plant_detached_done },
	{ "task-links", plant_task_links },
	{ "type", plant_type },
	{ "pinned-home", plant_pinned_home },
	{ "block-owner", plant_block_owner },
	{ "block-link", plant_block_link },
	{ "io-owner", plant_io_owner },
	{ "io-slot", plant_io_slot },
	{ "token-owner", plant_token_owner },
	{ "token-cell", plant_token_cell },
	{ "pool-mark", plant_pool_mark },
	{ "pool-cache", plant_pool_cache },
	{ "runq", plant_runq },
	{ "inject", plant_inject },
	{ "inject-cell", plant_inject_cell },
	{ "idle-mask", plant_idle_mask },
	{ "park", plant_park },
	{ "current", plant_current },
	{ "journal", plant_journal },
	{ "worker-word", plant_worker_word },
	{ "run-state", plant_run_state },
};

/* -- garbage everywhere ---------------------------------------------------------------- */

static void scribble_over(void *at, size_t bytes)
{
	uint64_t v = evil_value();
	size_t n = evil_roll() % 2 ? 8 : 4;

	memcpy((unsigned char *)at + evil_roll() % (bytes / n) * n, &v, n);
}

static void scribble(void)
{
	uint32_t c = (uint32_t)(evil_roll() % BH_CLASSES);

	switch (evil_roll() % 7) {
	case 0:
		scribble_over(view.a, offsetof(struct bh_arena, crash));
		break;
	case 1:
		scribble_over(&view.workers[evil_roll() % WORKERS], sizeof(struct bh_slot));
		break;
	case 2:
		scribble_over(&view.tasks[evil_roll() % 64], sizeof(struct bh_tcb));
		break;
	case 3:
		scribble_over(&view.ios[evil_roll() % 64], sizeof(struct bh_ioslot));
		break;
	case 4:
		scribble_over(&view.blocks[c][evil_roll() % 8], sizeof(struct bh_block));
		break;
	case 5:
		scribble_over(view.inject.cells, 64 * sizeof(uint64_t));
		break;
	default:
		scribble_over(view.a, view.l.off_data[0]);
		break;
	}
}

/* -- the service ---------------------------------------------------------------------------- */

/* The worker's time, not the task's: it does not come back to its loop. */
static void stay(int64_t ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

static void vandalise(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	evil_dice = (uint64_t)ts.tv_nsec * 0x9e3779b97f4a7c15ull | 1;
	for (int i = 0; i < STAY_S * 1000; i++) {
		for (int n = 0; n < 20; n++)
			scribble();
		stay(1);
	}
}

static int64_t answer(bh_io peer, const char *text)
{
	char out[1024] = "HTTP/1.0 200 OK\r\n\r\n";

	strncat(out, text, sizeof(out) - strlen(out) - 1);
	return bh_write(peer, out, strlen(out), BH_FOREVER);
}

static void names(char *out, size_t size)
{
	out[0] = '\0';
	for (size_t i = 0; i < sizeof(plants) / sizeof(*plants); i++) {
		strncat(out, plants[i].name, size - strlen(out) - 1);
		strncat(out, "\n", size - strlen(out) - 1);
	}
}

static int64_t connection(void *arg)
{
	bh_io peer = *(bh_io *)arg;
	char buf[1024], text[800], *name, *end;
	ssize_t n = bh_read(peer, buf, sizeof(buf) - 1, BH_FOREVER);

	if (n < 6)
		return 0;
	buf[n] = '\0';
	name = buf + strlen("GET /");
	if ((end = strchr(name, ' ')))
		*end = '\0';
	names(text, sizeof(text));
	answer(peer, strcmp(name, "names") ? "ok" : text);
	bh_close(peer);
	if (!strcmp(name, "scribble"))
		vandalise();
	for (size_t i = 0; i < sizeof(plants) / sizeof(*plants); i++)
		if (!strcmp(name, plants[i].name)) {
			plants[i].plant();
			stay(STAY_S * 1000);
		}
	return 0;
}

static int64_t bystander(void *arg)
{
	(void)arg;
	bh_sleep(BH_S(3600));
	return 0;
}

static int64_t planter_main(void *unused)
{
	struct bh_spawn_opts opts = { .size = sizeof(opts), .name = "planter.connection" };
	bh_io listener;
	int err = bh_listen(&listener, NULL);

	(void)unused;
	for (int i = 0; i < BYSTANDERS && !err; i++)
		err = bh_spawn(NULL, bystander, NULL, 0, NULL);
	while (err == 0) {
		err = bh_accept(listener, &opts.give, BH_FOREVER);
		if (err == 0 && bh_spawn(NULL, connection, &opts.give, sizeof(bh_io), &opts))
			err = bh_close(opts.give);
	}
	return err == -BH_ESTOPPING ? 0 : err;
}

static int planter_init(void)
{
	struct bh_layout l;
	const char *tasks = bh_option("tasks"), *ios = bh_option("io"), *mem = bh_option("memory");

	if (!tasks || !ios || !mem)
		return -22;
	bh_layout_init(&l, WORKERS, (uint32_t)strtoul(tasks, NULL, 10),
		       (uint32_t)strtoul(ios, NULL, 10), strtoull(mem, NULL, 10));
	return bh_view_map(&view, &l, BH_ARENA_FD, NULL, true);
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "planter",
	.init = planter_init,
	.main = planter_main,
};
