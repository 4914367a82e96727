/* SPDX-License-Identifier: MIT */
/*
 * run.h: `bulkhead run` and `bulkhead check`. Each returns the exit code of the
 * program; a run that succeeds does not return: the program has become
 * bulkhead-kernel.
 */
#ifndef BH_TOOLS_BULKHEAD_RUN_H
#define BH_TOOLS_BULKHEAD_RUN_H

enum bh_exit {
	BH_EXIT_OK = 0,
	BH_EXIT_USAGE = 100,  /* the command line or the configuration is wrong */
	BH_EXIT_SYSTEM = 111, /* the machine refused something */
};

int bh_run(int argc, char **argv);
int bh_check(int argc, char **argv);

#endif
