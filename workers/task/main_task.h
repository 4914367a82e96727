/* SPDX-License-Identifier: MIT */
/* main_task.h: a service's first task. */
#ifndef BH_WORKERS_TASK_MAIN_TASK_H
#define BH_WORKERS_TASK_MAIN_TASK_H

#include "workers/base/rt.h"

/* Spawns the service's main as a task with no parent, by the zygote. */
int bh_spawn_main(const struct bh_service *service);

#endif
