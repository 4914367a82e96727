/* SPDX-License-Identifier: MIT */
/* random.h: the C library's random numbers in a process that is a copy of another. */
#ifndef BH_WORKERS_PROCESS_RANDOM_H
#define BH_WORKERS_PROCESS_RANDOM_H

/* Gives its generators seeds of their own: those of rand() and random(), and of drand48()
 * and its kind. (rand_r() and its like have their caller's state, arc4random() has none.) */
void bh_random_reseed(void);

#endif
