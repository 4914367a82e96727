/* SPDX-License-Identifier: MIT */
/* nobody.h: slots in which nobody is. */
#ifndef BH_KERNEL_REPAIR_NOBODY_H
#define BH_KERNEL_REPAIR_NOBODY_H

#include "kernel/base/state.h"

enum bh_nobody {
	BH_NOBODY_NOT = 0, /* all is well with it, as far as this knows */
	BH_NOBODY_UP,      /* it is up, and has no process */
	BH_NOBODY_LIVES,   /* its process is dead, and no event told of it */
	BH_NOBODY_CAME,    /* it starts, and of who was asked for nothing was heard */
	BH_NOBODY_KNOWN,   /* it has no process, and its word says that one has it */
};

/* What is wrong with the slot of @c at this moment. */
enum bh_nobody bh_nobody_look(const struct bh_child *c);

/* Puts it right as far as nobody who may live is concerned. A verifying scan is to follow. */
void bh_nobody_mend(struct bh_child *c);

#endif
