/* SPDX-License-Identifier: MIT */
/*
 * stopped.pml: idle.pml, but nobody dies and no work lasts: one worker is stopped for ever,
 * at any step: before its last look at the queues, or in the middle of a wake-up that it
 * was about to give or to get.
 *
 * Holds: whatever is queued is taken by one that is not stopped. (What the stopped one has
 * taken out of a queue and not run yet is queued again by bh_stall_requeue(), which is not
 * here.)
 */
#define STOPS
#include "idle.pml"
