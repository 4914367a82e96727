/* SPDX-License-Identifier: MIT */
/* log.h: lines for people, on stderr. */
#ifndef BH_KERNEL_BASE_LOG_H
#define BH_KERNEL_BASE_LOG_H

/* One line on stderr, with the time. Rate-limited: what is left out is counted. */
void bh_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
