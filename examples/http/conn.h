/* SPDX-License-Identifier: MIT */
/* conn.h: the fiber that serves one connection. */
#ifndef HTTP_CONN_H
#define HTTP_CONN_H

#include <stdint.h>

/* The task's function; the argument is the bh_io, which the task was given. */
int64_t http_connection(void *arg);

#endif
