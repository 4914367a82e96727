/* SPDX-License-Identifier: MIT */
/*
 * task.h: the task table, the type table, memory blocks and I/O slots: what a
 * task is and what it owns.
 *
 * Ownership. A task owns three singly linked lists: children, blocks, I/O slots.
 * A list is changed only by the task's holder (its worker while it is RUNNING,
 * the kernel in CLEANUP), and every change is one store: push writes the new
 * element's link, then the head; unlink stores the predecessor's link. Each
 * element also names its owner in a word of its own, which is the truth: a walk
 * stops at an element that names another owner, and an element whose owner is
 * dead is free to take, in a list or not.
 *
 * Between taking an element (CAS on its owner word) and linking it, the worker's
 * journal names it (worker.h), so a crash there loses nothing either.
 */
#ifndef BH_IPC_TASK_H
#define BH_IPC_TASK_H

#include "ipc/arena/quarantine.h"
#include "ipc/arena/state.h"
#include "ipc/base/page.h"

/* -- handles: {generation, index} ------------------------------------------ */

static inline uint64_t bh_handle(uint32_t gen, uint32_t idx)
{
	return (uint64_t)gen << 32 | idx;
}

static inline uint32_t bh_handle_idx(uint64_t h)
{
	return (uint32_t)h;
}

static inline uint32_t bh_handle_gen(uint64_t h)
{
	return (uint32_t)(h >> 32);
}

/* -- tasks ------------------------------------------------------------------ */

enum bh_task_kind {
	BH_KIND_FIBER = 0,
	BH_KIND_POLL = 1,
	BH_KIND_BLOCKING = 2 /* a job: runs in a blocking process, and never waits */
};

/* The cause of a WAITING task's wait: diagnostic, but for BH_WAIT_IO, by which a new
 * kernel finds the tasks whose edge it may have missed. */
enum bh_wait {
	BH_WAIT_NONE = 0,
	BH_WAIT_SLEEP,
	BH_WAIT_JOIN,
	BH_WAIT_IO,
	BH_WAIT_SUSPEND,
	BH_WAIT_CHILDREN, /* any child of a scope */
	BH_WAIT_TOKEN,
	BH_WAIT_SYNC,
	BH_WAIT_HELD, /* in CLEANUP: for the budget of crashes (kernel/service/hold.c) */
};

enum {
	BH_TASK_INLINE = 24,
	BH_TASK_CLAIMS = 255, /* a count that stays: no claim is counted any more */
};

/* In a task's opts: requests of its spawner. */
enum {
	BH_TASK_RESTART = 1,       /* BH_CRASH_RESTART */
	BH_TASK_KEEP = 2,          /* detach_on_end */
	BH_TASK_UNCONSTRAINED = 4, /* has no budget; set by the task itself */
	BH_TASK_VALUED = 8,        /* its value is there before its end */
	BH_TASK_STAYS = 16,        /* pinned for the time of one wait (workers/wait/exception.h) */
	BH_TASK_LISTENS = 64,      /* to a token that has no cell for it (token.h) */
	BH_TASK_DEFERS = 128,      /* not asked for: it has clean-ups (workers/owned/defer.c) */
};

/* Recovery's decision about a task in CLEANUP. 0: not decided; BH_VERDICT_RESTART; or an
 * end: BH_VERDICT_END plus its enum bh_end. The store that decides for a restart also counts
 * it, so the successor of a killed kernel neither decides nor counts again. A task that runs
 * again keeps its last verdict. */
enum {
	BH_VERDICT_END = 1,
	BH_VERDICT_RESTART = 255
};

/* How long a task may be in one poll, in a byte: quarters of powers of two, in ms,
 * rounded up; 2^30 at most. 0: nothing said. */
static inline uint8_t bh_hog_code(uint32_t ms)
{
	uint32_t c = 0;

	while (ms && c < 4 * 30 && ((4ull + c % 4) << c / 4) < 4ull * ms)
		c++;
	return (uint8_t)(ms ? c + 1 : 0);
}

static inline uint32_t bh_hog_ms(uint8_t code)
{
	uint32_t c = code ? code - 1u : 0, shift = c / 4 < 30 ? c / 4 : 30;

	return code ? (uint32_t)((((4ull + c % 4) << shift) + 3) / 4) : 0;
}

/* 128 bytes: a pending poll task costs no more. Written by the holder (see
 * state.h) but for `state`, and `armed_ns` (the kernel's). */
struct bh_tcb {
	_Atomic uint64_t state;
	_Atomic int64_t deadline_ns; /* the timer entry; 0: none. A later deadline and
				        a cancel are plain stores: the wheel looks again */
	_Atomic int64_t armed_ns;    /* its time in the wheel; 0: not in the wheel */
	_Atomic uint64_t parent;     /* handle of the task that may join; 0: none */
	uint64_t fn;                 /* an address in the service's image */
	uint64_t arg;                /* an address in the arena */
	union {
		/* While the task lives, but with BH_TASK_VALUED: the key that its crash is
		 * counted against (crash_key.h). */
		uint64_t crash_key;
		int64_t value; /* then: the result; CRASHED, TIMEDOUT: the crash's id */
	};
	_Atomic uint32_t child;     /* first child */
	_Atomic uint32_t sibling;   /* next in the parent's list */
	_Atomic uint32_t blocks;    /* first block */
	_Atomic uint32_t ios;       /* first I/O slot */
	_Atomic uint32_t arg_block; /* holds the argument if it is not inline */
	_Atomic uint32_t reply;     /* block with the reply */
	_Atomic uint32_t stack;     /* block with the stack; a fiber's, from its spawn on */
	uint32_t born_ms;           /* since the arena was made */
	uint16_t type;              /* index in the type table */
	uint8_t kind;               /* enum bh_task_kind */
	uint8_t end;                /* enum bh_end, once DONE */
	uint8_t opts;               /* BH_TASK_* */
	uint8_t hog;                /* bh_hog_code() of its limit; 0: the service's */
	uint8_t wait;               /* enum bh_wait */
	uint8_t claims;             /* that it has (sync/claim.h); BH_TASK_CLAIMS: many */
	union {
		_Atomic uint32_t fate; /* all three, stored at once in CLEANUP */
		struct {
			uint16_t restarts; /* left; 0xffff: no limit */
			uint8_t crashes;   /* so far, 255 at most */
			uint8_t verdict;   /* in CLEANUP: BH_VERDICT_* */
		};
	};
	_Atomic uint32_t prev; /* in the parent's list; a hint, checked when used */
	union {
		struct {
			uint64_t sp;      /* fiber: its saved context; 0: not begun */
			uint64_t heap;    /* address of its heap's state; 0: none yet */
			uint64_t wait_on; /* handle of the object waited for; diagnostic */
		};
		unsigned char small[BH_TASK_INLINE]; /* poll: the state, if it fits */
	};
};
_Static_assert(sizeof(struct bh_tcb) == 128, "two cache lines");

/* The key that a crash of a living task is counted against. */
static inline uint64_t bh_task_key(const struct bh_tcb *t)
{
	return t->opts & BH_TASK_VALUED ? 0 : t->crash_key;
}

/* -- task types: what is counted, named and quarantined --------------------- */

enum {
	BH_TYPES = 256
};

struct bh_type {
	_Atomic uint64_t key;     /* fn ^ name address; 0: free. Commit: one CAS */
	char name[40];            /* the first byte last: whole, or none (workers/base/types.c) */
	_Atomic uint64_t crashes; /* the kernel's */
	_Atomic int64_t forgiven_ns; /* the kernel's: crashes before it count no more */
	struct bh_gate gate;
};

/* -- memory blocks ----------------------------------------------------------- */

/*
 * Size classes, four times apart. Data: 256 B << 2c for c = 0..8: 256 B, 1 K, 4 K,
 * 16 K, 64 K, 256 K, 1 M, 4 M, 16 M. Stacks: 16 K << 2(c - 9) for c = 9..14: 16 K to
 * 16 M. Stacks have classes of their own because they are no neighbours: behind each
 * block lies a gap, the guard of the stack above it (workers/owned/guard.h).
 *
 * And one more of 64 K: stacks that are kept for work. A task that is given a socket, as
 * each new connection is, gets no stack of this class; so connections that wait for their
 * next request cannot take the stacks that the handlers of requests need.
 */
enum {
	BH_DATA_CLASSES = 9,
	BH_STACK_CLASS = 10, /* of the stack that a fiber gets if it asks for no other */
	BH_WORK_CLASS = 15,
	BH_CLASSES = 16,
	BH_STACK_GAP = 64 << 10,
};

static inline uint32_t bh_class_shift(uint32_t cls)
{
	static const uint8_t shift[BH_CLASSES] = { 8,  10, 12, 14, 16, 18, 20, 22,
						   24, 14, 16, 18, 20, 22, 24, 16 };

	return shift[cls % BH_CLASSES];
}

/* A reference to a block: class and index in one word; 0: none. */
static inline uint32_t bh_block_ref(uint32_t cls, uint32_t idx)
{
	return cls << 28 | idx;
}

static inline uint32_t bh_block_class(uint32_t ref)
{
	return ref >> 28;
}

static inline uint32_t bh_block_idx(uint32_t ref)
{
	return ref & 0x0fffffffu;
}

static inline uint64_t bh_class_bytes(uint32_t cls)
{
	return 1ull << bh_class_shift(cls);
}

/* From one block of the class to the next. Stacks begin with a page, for their guards. */
static inline uint64_t bh_class_stride(uint32_t cls)
{
	uint64_t bytes = bh_class_bytes(cls);

	return cls < BH_DATA_CLASSES ? bytes : bh_page_up(bytes + BH_STACK_GAP);
}

/* The smallest class from @first (0, or BH_DATA_CLASSES for stacks) on that holds
 * @bytes; BH_CLASSES: no class does. */
static inline uint32_t bh_class_from(uint32_t first, uint64_t bytes)
{
	uint32_t end = first < BH_DATA_CLASSES ? BH_DATA_CLASSES : BH_WORK_CLASS;

	for (uint32_t c = first; c < end; c++)
		if (bh_class_bytes(c) >= bytes)
			return c;
	return BH_CLASSES;
}

static inline uint32_t bh_class_of(uint64_t bytes)
{
	return bh_class_from(0, bytes);
}

static inline uint32_t bh_stack_class_of(uint64_t bytes)
{
	return bh_class_from(BH_DATA_CLASSES, bytes);
}

/* Stands beside the block, not in it: a block's own bytes are the user's. */
struct bh_block {
	_Atomic uint64_t owner; /* handle of a task; 0: free. Truth and commit point */
	_Atomic uint32_t next;  /* in the owner's list; free: a mark of trim.h */
	uint32_t len;           /* bytes in use: of a reply, of an argument */
};

/* `owner` while the kernel gives a block's pages back: no task's handle; and marks in `next`
 * (trim.h): no block's reference. */
#define BH_BLOCK_TRIM  (1ull << 32)
#define BH_BLOCK_CLEAN 0xfffffffeu
#define BH_BLOCK_SEEN  0xffffffffu

/* A poll task that may be restarted has in its argument's block the state, and from
 * here on a copy of the initial one. */
static inline uint64_t bh_state_copy_at(uint64_t len)
{
	return (len + 15) & ~15ull;
}

/* -- I/O slots ---------------------------------------------------------------- */

/* `owner` while the zygote is to close the descriptor. */
#define BH_IO_CLOSING 0xffffffff00000000ull

/* In a ready word: low bit; the index of the task that waits stands above. */
#define BH_IO_READY 1ull
/* No further edge will announce what there may be to read: the peer has closed its side, or
 * data came while the slot's task waited for another thing (workers/owned/gone.c). */
#define BH_IO_CLOSED 2ull
/* To read: the data that came has a mark of TCP's urgent data, where a read stops short.
 * Set until a read says EAGAIN: its task begins to wait then. */
#define BH_IO_URGENT 4ull

struct bh_ioslot {
	_Atomic uint64_t owner;    /* handle of a task, 0: free, or BH_IO_CLOSING */
	_Atomic uint64_t ready[2]; /* 0: to read, 1: to write */
	_Atomic uint32_t gen;
	_Atomic int32_t fd;    /* in the service's descriptor table; -1: none */
	_Atomic uint64_t ino;  /* of the file: a descriptor number that was closed
				    and used again is recognised by it */
	_Atomic uint32_t next; /* in the owner's list */
	uint32_t kind;         /* enum bh_io_kind */
	_Atomic uint64_t peer; /* crash key of the other end, if the socket was accepted;
				  BH_IO_DISK: the file's device */
	/* A connection that waits for its next request, as in bh_readable(): the start of the
	 * wait, in ms as born_ms; 0: it does not wait. leave: it was asked to, to make room. */
	_Atomic uint32_t idle_ms, leave;
};
_Static_assert(sizeof(struct bh_ioslot) == 64, "one cache line");

enum bh_io_kind {
	BH_IO_TCP = 0,       /* a TCP stream that only the runtime reads: a short read leaves
			       nothing behind but data after a mark */
	BH_IO_STREAM = 1,    /* another stream: a read may stop short, as at a sent descriptor */
	BH_IO_LISTENER = 2,  /* perhaps a duplicate */
	BH_IO_SOCKET = 3,    /* an adopted socket of another type, perhaps a duplicate */
	BH_IO_UDP = 4,       /* opened or adopted */
	BH_IO_MESSAGES = 5,  /* another socket that keeps the bounds of messages, likewise */
	BH_IO_FILE = 6,      /* adopted, and no socket */
	BH_IO_LISTENERS = 7, /* an epoll instance with all configured listeners in it */
	BH_IO_DISK = 8,      /* a file that epoll does not take (workers/os/fs.c) */
};

/* True if the socket keeps the bounds of messages. */
static inline bool bh_io_is_bounded(enum bh_io_kind kind)
{
	return kind == BH_IO_UDP || kind == BH_IO_MESSAGES;
}

/* True if no other number names the socket. */
static inline bool bh_io_sole(enum bh_io_kind kind)
{
	return kind <= BH_IO_STREAM;
}

#endif
