/* SPDX-License-Identifier: MIT */
/* answer_crashes.c: the crash records on the board. */
#include <string.h>

#include "ipc/base/crash_key.h"
#include "tools/admind/answer/answer.h"

enum {
	TRIES = 1000, /* to read a record that is being written */
};

static const char *const kinds[BH_PROC_KIND_COUNT] = {
	[BH_PROC_NONE] = "process",  [BH_PROC_KERNEL] = "kernel", [BH_PROC_ZYGOTE] = "zygote",
	[BH_PROC_TWIN] = "twin",     [BH_PROC_WORKER] = "worker", [BH_PROC_BLOCKING] = "blocking",
	[BH_PROC_ADMIND] = "admind", [BH_PROC_TRACED] = "traced",
};

/* False: the record is no longer, or not yet, @id's. A kernel that was killed while
 * it wrote leaves it odd, for its successor to complete. */
static bool copy_record(struct bh_board_crash *to, const struct bh_board_crash *from, uint64_t id)
{
	for (int i = 0; i < TRIES; i++) {
		uint32_t seq = bh_ld_acq(&from->seq);

		if (seq & 1) {
			bh_cpu_relax();
			continue;
		}
		memcpy(to, from, sizeof(*to));
		bh_fence(); /* the copy is complete before seq is read again */
		if (bh_ld_rlx(&from->seq) == seq)
			return to->id == id;
	}
	return false;
}

static void fill_process(struct bh_answer *a, Bulkhead__Crash *to, const struct bh_board_crash *c)
{
	const struct bh_board *b = a->system->board;
	const char *kind = kinds[c->kind < BH_PROC_KIND_COUNT ? c->kind : 0];
	uint32_t i = c->service;

	to->process = (char *)(uintptr_t)kind;
	to->worker =
		c->kind == BH_PROC_WORKER || c->kind == BH_PROC_BLOCKING ? (int32_t)c->worker : -1;
	to->pid = c->pid;
	if (i < bh_system_services(a->system))
		to->service = bh_scratch_text(&a->scratch, b->services[i].name,
					      sizeof(b->services[i].name));
}

static void fill_crash(struct bh_answer *a, Bulkhead__Crash *to, const struct bh_board_crash *c)
{
	char key[BH_KEY_TEXT];

	bulkhead__crash__init(to);
	fill_process(a, to, c);
	to->id = c->id;
	to->wall_ns = c->wall_ns;
	to->signal = c->signal;
	to->exit_code = c->exit_code;
	to->address = c->address;
	to->instruction = c->instruction;
	to->stack_pointer = c->stack_pointer;
	to->stack_overflow = c->stack_overflow != 0;
	to->out_of_memory = c->oom != 0;
	to->hung = c->hung != 0;
	to->task = c->task;
	to->task_name = bh_scratch_text(&a->scratch, c->task_name, sizeof(c->task_name));
	bh_crash_key_text(c->crash_key, key);
	to->key = bh_scratch_text(&a->scratch, key, sizeof(key));
	to->crash_key = c->crash_key;
	to->type_crashes = c->type_crashes;
	to->restart_us = c->restart_us;
	to->n_frames = c->n_frames < 16 ? c->n_frames : 16;
	to->frames = bh_scratch_take(&a->scratch, sizeof(c->frames));
	memcpy(to->frames, c->frames, sizeof(c->frames));
}

void bh_answer_crashes(struct bh_answer *a)
{
	const struct bh_board *b = a->system->board;
	Bulkhead__Crashes *all = bh_scratch_take(&a->scratch, sizeof(*all));
	uint64_t newest = bh_ld_acq(&b->crashes), n = a->request->crashes->limit;
	struct bh_board_crash c;

	if (!n || n > BH_BOARD_CRASHES)
		n = BH_BOARD_CRASHES;
	if (n > newest)
		n = newest;
	bulkhead__crashes__init(all);
	all->total = newest;
	all->crashes = bh_scratch_list(&a->scratch, n, sizeof(**all->crashes));
	for (uint64_t id = newest - n + 1; id <= newest; id++)
		if (copy_record(&c, &b->crash[id % BH_BOARD_CRASHES], id))
			fill_crash(a, all->crashes[all->n_crashes++], &c);
	a->reply.answer_case = BULKHEAD__REPLY__ANSWER_CRASHES;
	a->reply.crashes = all;
}
