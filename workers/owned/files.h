/* SPDX-License-Identifier: MIT */
/*
 * files.h: what user code opens and closes (ipc/protocol/files.h has the table). The functions that
 * the runtime exports in place of the C library's (opens.c, closes.c) come here; the
 * runtime's own descriptors do not, and are closed by bh_sys_close().
 */
#ifndef BH_WORKERS_OWNED_FILES_H
#define BH_WORKERS_OWNED_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* This process is one of the service from here on. To its children, who have tables of
 * their own, nothing of this applies: they call the C library. */
void bh_files_enter(void);
bool bh_files_here(void);

/* The first number that is none of those that every process of the service is given. */
int bh_files_first(void);

/* Notes that the running task opened @fd (negative: it did not); keeps errno. Returns the
 * descriptor: another one if @fd was one of the standard ones. */
int bh_file_opened(int fd);

/* The same for what is not the running task's, but its process's. */
void bh_file_opened_here(int fd);

/* @fd if it is no low number; or a duplicate that is not, and the low one is given to
 * /dev/null: what others print must never go to a connection. -1: errno says why. */
int bh_file_lift(int fd);

/* May user code close @fd, or put another file there? 0: yes, *by is for
 * bh_file_closed() when that is done. */
enum bh_file_may {
	BH_FILE_MAY = 0,
	BH_FILE_KEPT,  /* a standard one: it stays, and is not the caller's to miss */
	BH_FILE_OWN,   /* of an I/O slot of the running task */
	BH_FILE_OTHERS /* somebody else's */
};
enum bh_file_may bh_file_may_close(int fd, uint64_t *by);
void bh_file_closed(int fd, uint64_t by);

/* For bh_file_closed(), of one that is its process's own affair. */
uint64_t bh_file_stamp_of(int fd);

/* Makes @fd, which task @task opened, the running task's. False: it is not open any more. */
bool bh_file_take_from(int fd, uint64_t task);

/* Counts and reports the attempt to close @fd. */
void bh_file_refuse(int fd);

/* True if the running task opened @fd, or its process did while no task ran. */
bool bh_file_is_mine(int fd);

/* True if @fd may be a zygote's end of a control socket. */
bool bh_file_is_control(int fd);

/* A socket of the runtime's own, as bh_file_lift() has it. */
int bh_sys_socket(int family, int type);

static inline int bh_sys_close(int fd)
{
	return (int)syscall(SYS_close, fd);
}

#endif
