/* SPDX-License-Identifier: MIT */
/*
 * output.h: a command whose output could not be written has failed, even if its work succeeded.
 */
#ifndef BH_TOOLS_OUTPUT_H
#define BH_TOOLS_OUTPUT_H

/*
 * The first that main() does. Takes up descriptors 0 to 2 that the caller has closed, so that
 * no socket or file of the command gets a number that it prints to; and at the end of the
 * process, however exit() comes about (argp's --help, too), looks whether all that was
 * printed was written: if not, says so in one line on stderr, and the exit code is 111.
 */
void bh_output_guard(void);

#endif
