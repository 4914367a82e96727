/* SPDX-License-Identifier: MIT */
/*
 * dice.h: random numbers that can be had again: the seed is printed, and BH_SEED
 * of the environment replays it.
 */
#ifndef BH_TESTS_DICE_H
#define BH_TESTS_DICE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static uint64_t dice;

static inline void dice_seed(void)
{
	const char *seed = getenv("BH_SEED");

	dice = seed ? strtoull(seed, NULL, 0) : (uint64_t)getpid() * 0x9e3779b97f4a7c15ull;
	dice |= 1;
	printf("BH_SEED=%#llx\n", (unsigned long long)dice);
	fflush(stdout);
}

static inline uint64_t dice_roll(void)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return dice;
}

/* 0 .. n - 1 */
static inline uint32_t dice_below(uint32_t n)
{
	return (uint32_t)((dice_roll() >> 11) % n);
}

#endif
