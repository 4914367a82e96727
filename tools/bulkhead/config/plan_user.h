/* SPDX-License-Identifier: MIT */
/* plan_user.h: the user that a service runs as, by the machine's user names. The kernel,
 * which links no name service, is given numbers. */
#ifndef BH_TOOLS_BULKHEAD_CONFIG_PLAN_USER_H
#define BH_TOOLS_BULKHEAD_CONFIG_PLAN_USER_H

#include "ipc/system/plan.h"

enum {
	BH_PLAN_USER_WHY = 256
};

/* @text: USER or USER:GROUP, each a name or a number; NULL: no change of user. A number
 * without a name has the group of the same number, and no other. On an error @why has one
 * sentence. */
int bh_plan_user_find(struct bh_plan_user *u, const char *text, char why[BH_PLAN_USER_WHY]);

#endif
