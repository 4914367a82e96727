/* SPDX-License-Identifier: MIT */
#include "workers/wait/exception.h"

#include <dlfcn.h>
#include <link.h>

#include "workers/base/context.h"
#include "workers/base/rt.h"
#include "workers/wait/fiber.h"

typedef struct bh_eh_globals *globals_fn(void);

/* A library may be found by way of several others. */
static void add(struct bh_eh_globals *g)
{
	uint32_t i = 0;

	while (i < BH_EH_MAX && bh_rt.eh[i] && bh_rt.eh[i] != g)
		i++;
	if (i < BH_EH_MAX)
		bh_rt.eh[i] = g;
}

/* A module is loaded for itself (RTLD_LOCAL), and so is what it loads in turn: a search of
 * all would not see them, so each is asked. */
void bh_exceptions_find(void)
{
	void *program = dlopen(NULL, RTLD_LAZY);
	struct link_map *first = NULL;

	if (!program || dlinfo(program, RTLD_DI_LINKMAP, &first))
		return;
	for (const struct link_map *l = first; l; l = l->l_next) {
		void *o = l == first ? program : dlopen(l->l_name, RTLD_LAZY | RTLD_NOLOAD);
		globals_fn *get = o ? (globals_fn *)dlsym(o, "__cxa_get_globals") : NULL;

		if (get)
			add(get());
		if (o && o != program)
			dlclose(o);
	}
	dlclose(program);
}

bool bh_exceptions_any(void)
{
	for (uint32_t i = 0; i < BH_EH_MAX && bh_rt.eh[i]; i++)
		if (bh_rt.eh[i]->caught || bh_rt.eh[i]->uncaught)
			return true;
	return false;
}

/* Pins the running task to this process until unpin(). False: it is pinned.
 * Commit: the second store; the mark alone means nothing. */
static bool pin(struct bh_tcb *t)
{
	if (bh_ld_rlx(&t->state) & BH_PINNED)
		return false;
	t->opts |= BH_TASK_STAYS;
	bh_compiler_barrier();
	bh_state_pin(&t->state);
	return true;
}

/* Commit: the first store. */
static void unpin(struct bh_tcb *t)
{
	bh_state_unpin(&t->state);
	bh_compiler_barrier();
	t->opts &= (uint8_t)~BH_TASK_STAYS;
}

void bh_exceptions_switch(struct bh_tcb *t)
{
	struct bh_eh_globals kept[BH_EH_MAX] = { 0 };
	bool pinned = pin(t);

	for (uint32_t i = 0; i < BH_EH_MAX && bh_rt.eh[i]; i++) {
		kept[i] = *bh_rt.eh[i];
		*bh_rt.eh[i] = (struct bh_eh_globals){ 0 };
	}
	bh_context_switch(bh_fiber_context(t), &bh_rt.loop);
	if (pinned)
		unpin(t);
	for (uint32_t i = 0; i < BH_EH_MAX && bh_rt.eh[i]; i++)
		*bh_rt.eh[i] = kept[i];
}
