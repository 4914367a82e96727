/* SPDX-License-Identifier: MIT */
/*
 * out.h: lines on stdout and stderr that never wait for their reader.
 *
 * Both are somebody else's: a terminal under Ctrl-S, a pipe that is full, a log service
 * that hangs. Who supervises must not stand still with them, so what cannot be written at
 * once is left out. O_NONBLOCK on the descriptor that was given would be seen by all who
 * share it (the shell, the services), so pipes and terminals are opened a second time; a
 * socket is told with each message. Where opening is not allowed (a pipe of another
 * user's, as in containers), the write is one that a timer interrupts.
 *
 * A regular file is written to as it is: it waits for its disk, and for nobody else.
 */
#ifndef BH_IPC_OUT_H
#define BH_IPC_OUT_H

#include <stdbool.h>
#include <stddef.h>

/* Looks at what stdout and stderr are: once, by whoever becomes the guardian. From then on
 * a terminal does not stop this process for writing in the background (SIGTTOU), nor do
 * the processes that it forks; and SIGALRM is taken. */
void bh_out_open(void);

/* Writes @n bytes of @text, a line or more (at most PIPE_BUF, to be whole on a pipe), on
 * @fd, STDOUT_FILENO or STDERR_FILENO. False: they were left out. */
bool bh_out(int fd, const char *text, size_t n);

/* The same, formatted; cut off at 1 KiB. */
bool bh_outf(int fd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* True if @fd is a descriptor that bh_out_open() made. */
bool bh_out_has(int fd);

/* In a child that is about to close what it does not need. With @lend its stderr will not
 * make it wait either, if that can be had: for programs of ours alone, others do not expect
 * EAGAIN. */
void bh_out_child(bool lend);

#endif
