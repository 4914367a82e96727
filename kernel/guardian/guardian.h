/* SPDX-License-Identifier: MIT */
/*
 * guardian.h: the root of a system: parent and only reaper of all its processes.
 *
 *     guardian ── kernel                 same descriptor table
 *              ├─ zygote, admind, ...    made by the kernel with CLONE_PARENT
 *              ├─ worker, ...            made by a zygote with CLONE_PARENT
 *              └─ whatever those left behind (child subreaper)
 *
 * Its whole work is to wait. It notes each death but the kernel's in
 * board->deaths and rings the kernel's doorbell; it starts a kernel that crashed
 * anew; it forwards SIGINT, SIGTERM and SIGHUP to the kernel (SIGHUP unless it is
 * ignored at the start, as nohup has it), and continues a kernel that is stopped
 * when it is to end; at the end it kills and reaps what is left. It allocates
 * nothing, opens nothing but /proc at the end, and blocks nowhere but in its one
 * wait: what it says goes by ipc/base/out.h, which the caller has opened.
 *
 * What a kernel finds: descriptors, board and memory as they were when
 * bh_guardian_run() was called, and whatever descriptors its predecessors opened;
 * the three signals blocked (take them by signalfd; unblock them in children);
 * SIGPIPE ignored; kernel_pid, kernel_restarts and kernel_started_ns right.
 *
 * Guarantees
 *   G1  each death is in board->deaths exactly once, across kernels. When the
 *       ring is full the dead stay unreaped until the kernel has read on.
 *   G2  a pid is not used again before its death is in the ring.
 *   G3  a signal is forwarded at least once: one that was forwarded to a kernel
 *       that died goes to its successor too, unless the board says that the
 *       system is stopping already.
 *
 * Who writes: of the board the guardian writes deaths[], deaths_tail and the
 * three words above; the kernel writes deaths_head, and reads up to deaths_tail.
 *
 * Crash: it is the root. When it is killed, the kernel ends the system in order,
 * within a second; when the kernel is killed as well, Linux kills the rest
 * (lifeline.c). An outer manager starts the system again.
 */
#ifndef BH_KERNEL_GUARDIAN_GUARDIAN_H
#define BH_KERNEL_GUARDIAN_GUARDIAN_H

#include "ipc/system/board.h"

enum {
	BH_GUARDIAN_RESTARTS = 20,     /* more kernels than these restarted ... */
	BH_GUARDIAN_PERIOD_MS = 10000, /* ... within this time: it gives up */
	BH_GUARDIAN_REAP_MS = 5000,    /* how long it waits at the end for the dead */
};

/*
 * Becomes the guardian: runs @kernel_main(@arg) in a process of its own, again
 * and again until it ends orderly (0: stopped as asked; 100 or 111: it cannot go
 * on), and returns that code when no process of the system is left; 111 when
 * kernels cannot be started or crash too often.
 *
 * The caller must be single-threaded and have no children. Returns with the
 * three signals still blocked: the caller is expected to exit.
 */
int bh_guardian_run(struct bh_board *board, int death_eventfd, int (*kernel_main)(void *),
		    void *arg);

#endif
