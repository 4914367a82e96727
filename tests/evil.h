/* SPDX-License-Identifier: MIT */
/*
 * evil.h: what a process that went wild writes into its arena: noise, and values that
 * are nearly right, which do more harm.
 */
#ifndef BH_TESTS_EVIL_H
#define BH_TESTS_EVIL_H

#include "ipc/arena/arena.h"

static uint64_t evil_dice; /* the seed; not 0 */

static inline uint64_t evil_roll(void)
{
	evil_dice ^= evil_dice << 13;
	evil_dice ^= evil_dice >> 7;
	evil_dice ^= evil_dice << 17;
	return evil_dice;
}

static inline uint64_t evil_value(void)
{
	static const uint64_t limits[] = {
		63,
		64,
		65,
		255,
		256,
		257,
		700,
		701,
		1024,
		0x7fffffff,
		0x80000000,
		0xffffffff,
		0x100000000ull,
		0x100000001ull,
		BH_IO_CLOSING,
	};

	switch (evil_roll() % 6) {
	case 0:
		return evil_roll();
	case 1:
		return evil_roll() % 300;
	case 2:
		return limits[evil_roll() % (sizeof(limits) / sizeof(*limits))];
	case 3:
		return bh_handle((uint32_t)(evil_roll() % 4), (uint32_t)(evil_roll() % 100));
	case 4:
		return bh_state_make((uint32_t)(evil_roll() % 4), (uint32_t)(evil_roll() % 8),
				     (uint32_t)(evil_roll() % 4), (evil_roll() % 16) << 4,
				     (enum bh_state)(evil_roll() % 8));
	default:
		return ~0ull >> evil_roll() % 64;
	}
}

#endif
