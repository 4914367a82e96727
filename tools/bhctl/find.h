/* SPDX-License-Identifier: MIT */
/* find.h: where the system is. */
#ifndef BH_TOOLS_BHCTL_FIND_H
#define BH_TOOLS_BHCTL_FIND_H

enum {
	BH_URL_BYTES = 160
};

/* Fills @url with the admin endpoint: @admin, $BULKHEAD_ADMIN, or the first of the
 * default places where a system listens. Else an exit code; the reason has been printed. */
int bh_find(const char *admin, char url[BH_URL_BYTES]);

#endif
