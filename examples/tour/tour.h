/* SPDX-License-Identifier: MIT */
/*
 * tour.h: every call of the API, at work, in the order in which one learns them. Each
 * file is about one header and can be read by itself; say() prints what came of it.
 */
#ifndef TOUR_H
#define TOUR_H

#include <bulkhead/bulkhead.h>

void tour_tasks(void);
void tour_polls(void);
void tour_time(void);
void tour_cancel(void);
void tour_scopes(void);
void tour_memory(void);
void tour_local(void);
void tour_locks(void);
void tour_blocking(void);
void tour_sockets(void);
void tour_connections(void);
void tour_buffers(void);
void tour_datagrams(void);
void tour_files(void);
void tour_hosts(void);
void tour_handovers(void);
void tour_service(void);

/* One line on stdout. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Ends the calling task when @err is negative: an example has no plan B. */
void must(int64_t err, const char *what);
#define MUST(call) must((call), #call)

#endif
