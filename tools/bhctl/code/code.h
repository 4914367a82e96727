/* SPDX-License-Identifier: MIT */
/*
 * code.h: the programs and libraries of a process, for libdw: their addresses
 * (/proc/PID/maps), and their tables, from the files named there.
 */
#ifndef BH_TOOLS_BHCTL_CODE_CODE_H
#define BH_TOOLS_BHCTL_CODE_CODE_H

#include <elfutils/libdwfl.h>

enum {
	BH_CODE_WHY = 256
};

/* To be ended with dwfl_end(). NULL: @why says what is missing. */
Dwfl *bh_code_open(int pid, char why[BH_CODE_WHY]);

#endif
