/* SPDX-License-Identifier: MIT */
/*
 * out.h: lines on stdout and stderr that never wait for their reader.
 *
 * Both depend on another program: a terminal under Ctrl-S, a full pipe, a log service
 * that hangs. A supervisor must not stand still with them, so a line that cannot be written
 * at once is left out. O_NONBLOCK on the inherited descriptor would affect all processes
 * that share it (the shell, the services), so pipes and terminals are opened a second time;
 * a socket gets a flag with each message. Where opening is not allowed (a pipe of another
 * user, as in containers), a timer interrupts the write.
 *
 * A regular file is written to as it is: the write waits for the disk alone.
 */
#ifndef BH_IPC_OUT_H
#define BH_IPC_OUT_H

#include <stdbool.h>
#include <stddef.h>

/* Checks what stdout and stderr are: once, in the process that becomes the guardian. From
 * then on a terminal does not stop this process or its forks for writing in the background
 * (SIGTTOU); and SIGALRM is taken. */
void bh_out_open(void);

/* Writes @n bytes of @text, a line or more (at most PIPE_BUF, to be whole on a pipe), on
 * @fd, STDOUT_FILENO or STDERR_FILENO. False: they were left out. */
bool bh_out(int fd, const char *text, size_t n);

/* The same, formatted; cut off at 1 KiB. */
bool bh_outf(int fd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* True if @fd is a descriptor that bh_out_open() made. */
bool bh_out_has(int fd);

/* In a child, before it closes the descriptors that it does not need. With @lend its stderr
 * will not make it wait either, if possible: for our own programs alone, others do not
 * expect EAGAIN. */
void bh_out_child(bool lend);

#endif
