/* SPDX-License-Identifier: MIT */
/*
 * kernel.h: what the files of the kernel share.
 *
 * The kernel is one process with one thread and one loop (kernel.c). It waits on
 * one epoll instance, and each turn goes through these phases, always in this
 * order:
 *
 *   wait → signals → deaths → control → workers → starts → reactor → timers → hold
 *        → verify → stalls → audit → record → restarts → blocking → servers → stop
 *
 * State. All that a successor must know is on the board (ipc/board.h), stored
 * before it matters: descriptors, pids, epochs. struct bh_kernel and what hangs
 * from it is private, and bh_kernel_attach() rebuilds it from the board and the
 * arenas, at the first start as after a kill.
 *
 * Trust. Arenas and control messages come from processes that run user code:
 * indexes are checked on a copy, loops are bounded, and nothing in here waits for
 * such a process or asserts on what it wrote.
 */
#ifndef BH_KERNEL_KERNEL_H
#define BH_KERNEL_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "ipc/arena.h"
#include "ipc/audit.h"
#include "ipc/board.h"
#include "ipc/control.h"
#include "ipc/incarnation.h"
#include "ipc/recover.h"
#include "ipc/trim.h"
#include "kernel/wheel.h"

#define BH_NS_PER_MS 1000000ll
#define BH_NS_PER_S  1000000000ll

/* Fixed places in board->procs: a successor finds everybody without searching.
 * Of a service: its zygote and its twin (which is which, `kind` says), then its
 * workers and then its blocking processes, by slot. */
enum {
	BH_PROCS_KERNEL = 0,
	BH_PROCS_ADMIND,
	BH_PROCS_TRACED,
	BH_PROCS_SERVICES,
};

/* What an event of the kernel's epoll instance is about. */
enum bh_source {
	BH_SRC_SIGNAL = 1,
	BH_SRC_DEATHS,   /* the guardian's doorbell */
	BH_SRC_PIDFD,    /* index: in board->procs */
	BH_SRC_CTL,      /* index: in board->procs */
	BH_SRC_DOORBELL, /* index: service */
	BH_SRC_REACTOR,  /* index: service */
};

/* Why a system ends. */
enum bh_stop {
	BH_STOP_NOT = 0,
	BH_STOP_GRACE, /* workers finish what they have */
	BH_STOP_LEAVE, /* those that have nothing to do go by themselves */
	BH_STOP_KILL,  /* all but admind are killed, then admind */
	BH_STOP_LAST,
};

/* The task that the zygote spawned before any worker: the first slot of a new
 * arena, in its first generation. It is never refused. */
#define BH_MAIN_TASK bh_handle(1, 1)

/* A worker that does not turn, as far as is known (stall.c). */
struct bh_kstall {
	uint64_t beat;      /* its count of turns when last looked at */
	int64_t stalled_ns; /* for so long it has not moved, and should have */
	int64_t asked_ns;   /* when Linux was asked what it does */
	char state;         /* the answer: a letter of /proc/PID/stat; 0: not asked */
	bool told;          /* it was logged */
	bool hog;           /* its task is beyond its limit: counted, */
	bool hog_told;      /* and reported; */
	int64_t hog_ns;     /* when it was noticed, and the worker asked where it is */
};

/* The process asked for to take over a worker's slot, before that is recovered: heir.c. */
struct bh_kheir {
	uint32_t epoch;   /* that it is for; 0: none was asked for */
	int32_t pid;      /* 0: not told of yet */
	int pidfd;        /* if it is */
	int64_t asked_ns; /* when the request was sent */
};

/* What is known of a process beyond the board: all of it may be forgotten. */
struct bh_kproc {
	bool asked;       /* a worker or twin: the request was sent to the zygote */
	bool gone;        /* its death was announced (pidfd), and is to be dealt with */
	bool ctl_ready;   /* its control socket has something to say */
	bool owed;        /* a server: arenas are to be sent to it */
	bool killed;      /* killed by the kernel: its death is no news */
	int64_t seen_ns;  /* when its death was noticed; 0: it was not */
	int64_t asked_ns; /* when the request was sent */
	bool again;       /* ... twice, for the first time nothing came of it (nobody.c) */
	bool early;       /* ... before there was room, perhaps: it may fail once */
	struct bh_kheir heir;
	struct bh_kstall stall;
};

enum {
	BH_SUSPECTS = 8
};

/* The audit of one service's arena: see audit.c. */
struct bh_kaudit {
	struct bh_audit_round round;
	uint32_t left;        /* entries to look at until the next housekeeping */
	int64_t next_ns;      /* when to go on */
	uint64_t began;       /* tasks, when this round began */
	uint64_t seen;        /* tasks and findings in it so far */
	bool hasty;           /* it goes on to its end without a pause for the rest of the second */
	bool empty;           /* the last one has seen none, */
	uint64_t empty_began; /* and so many had begun before it */
	struct bh_suspect {
		struct bh_audit_finding finding;
		uint32_t looks; /* at which it was so; 0: an empty place */
		bool mended;    /* recovery has had its try */
		int64_t next_ns;
	} suspect[BH_SUSPECTS];
};

/* One of a service's epoll instances (reactor.c). */
struct bh_kreactor {
	bool events;      /* it has events */
	bool armed;       /* its events wake the kernel */
	uint64_t lease;   /* the word of its lease when that last changed */
	int64_t lease_ns; /* and when that was seen */
};

enum {
	BH_HELD = 256
};

/* A task that crashed, whose outcome does not show yet: hold.c. */
struct bh_kheld {
	uint64_t task;
	int64_t until_ns;
};

/* The counters of ipc/shortage.h, as they were read. */
struct bh_kshortage {
	uint64_t refused[BH_SHORTS], waited[BH_SHORTS], left, turned_away;
};

/* Rounds that give pages back (trim.c). */
struct bh_ktrim {
	struct bh_trim round;
	bool going, wanted;
	uint64_t turns; /* of all workers, when they were last looked at */
	int64_t began_ns, next_ns;
};

/* One service, as the kernel holds it. */
struct bh_ksvc {
	uint32_t id;
	const struct bh_plan_service *plan;
	struct bh_board_service *board;
	uint32_t procs;   /* index of its first entry in board->procs */
	uint32_t workers; /* slots in use */
	bool mapped;      /* view and wheel are there */
	uint64_t were_up; /* slots that were up since the last start: one bit each */
	struct bh_view v;
	struct bh_wheel wheel; /* in the service's clock */
	int64_t clock_ns;      /* the service's clock in this turn; never goes back */
	struct bh_recover_ops ops;

	bool bell; /* its doorbell rang */
	struct bh_kreactor reactor[BH_MAX_REACTORS];
	bool scanning;      /* `scan` is under way */
	bool scan_again;    /* and must start anew when it is through */
	bool requeue_again; /* as scan.requeue, for that one */
	struct bh_verify scan;
	bool closing; /* I/O slots from `closing_at` on may have to be closed */
	uint32_t closing_at;
	bool audit;         /* the zygote is to look for descriptors that nobody has, */
	int64_t audit_ns;   /* not before this */
	bool files;         /* the zygote is to close what is marked as lost */
	uint64_t refused;   /* closes that were refused, as far as told, */
	int64_t refused_ns; /* and not before this again */
	struct bh_kaudit look;
	uint32_t rearm_at;              /* tasks from here on are to be armed; 0: none */
	uint32_t ready_at;              /* I/O slots from here on are to be marked ready; 0: none */
	bool done;                      /* its main returned and no task is left */
	bool main_failed;               /* its main has just crashed, once too often */
	int64_t start_told_ns;          /* its start was last told of when it had taken so long */
	bool look_aborted;              /* somebody died who may have aborted a job */
	int64_t grow_ns;                /* when the pool may grow again */
	uint64_t jobs_taken;            /* and what had been taken from its queue, */
	uint32_t blocking_came;         /* and who had come up, when it was last looked at */
	int64_t crash_us;               /* hold.c: what a crash costs a worker, */
	int64_t crash_due_ns[BH_TYPES]; /* the types' budgets of them, */
	struct bh_kheld held[BH_HELD];  /* and who is beyond them */
	uint32_t n_held;
	struct bh_ktrim trim;
	uint32_t ring;                /* record.c: the next one whose pages go back */
	struct bh_kshortage shortage; /* what was said of it, */
	int64_t shortage_ns;          /* and nothing is before this */
	struct bh_kernel *kernel;
};

/* Files held open (images.c); -errno: that one could not be opened. */
struct bh_images {
	int admind, traced;
	int host[BH_PLAN_SERVICES], module[BH_PLAN_SERVICES]; /* -1: linked into the host */
};

struct bh_kernel {
	const struct bh_plan *plan;
	const struct bh_images *images;
	struct bh_board *board;
	int board_fd, death_fd, lifeline, lifeline_end;
	int epfd, sigfd;
	int64_t now_ns;        /* of this turn */
	int64_t wake_ns;       /* when the next turn is due at the latest */
	int64_t next_look_ns;  /* housekeeping */
	int64_t stall_look_ns; /* the last one (stall.c) */
	int64_t record_ns;     /* events are recorded until then; 0: they are not (record.c) */
	uint32_t recording;    /* the number of that recording */
	int64_t allow_ns;      /* when the rings may take more */
	int64_t clear_ns;      /* when the pages of the rings go back; 0: they have none */
	bool attached;         /* this kernel replaced one that died */
	int64_t oom_kills[2];  /* oom.c: accounted for; as last looked at */
	bool signalled, deaths;
	bool no_pwait2; /* epoll_pwait2() is refused */
	bool orphaned; /* the guardian is dead: nobody reaps, and nobody notes deaths */
	enum bh_stop stop;
	int64_t stop_ns;  /* when the phase of the stop ends at the latest */
	int64_t asked_ns; /* when the stop began */
	int exit_code;
	bool done;
	struct bh_ksvc svc[BH_PLAN_SERVICES];
	struct bh_kproc proc[BH_BOARD_PROCS];
};

/* -- kernel.c: the loop ------------------------------------------------------ */

/* What main() hands to each kernel, before the first and through the guardian. */
struct bh_boot {
	const struct bh_plan *plan;
	struct bh_images images;
	struct bh_board *board;
	int board_fd, death_fd, lifeline, lifeline_end;
};

/* A kernel's life; called by the guardian in a new process. @boot: struct
 * bh_boot. Returns the system's exit code. */
int bh_kernel_main(void *boot);

int64_t bh_clock_ns(void);

/* The loop's next turn comes no later than @at_ns. */
static inline void bh_wake_by(struct bh_kernel *k, int64_t at_ns)
{
	if (at_ns < k->wake_ns)
		k->wake_ns = at_ns;
}

/* Adds @fd to the epoll instance, level-triggered. The instance knows a
 * descriptor until bh_unwatch(): closing it is not enough, children may hold
 * copies for a moment. */
int bh_watch(struct bh_kernel *k, int fd, enum bh_source source, uint32_t index);
void bh_unwatch(struct bh_kernel *k, int fd);

/* bh_unwatch() and close(); -1 is fine. */
void bh_drop_fd(struct bh_kernel *k, int fd);

/* The same for the descriptor that @word of the board names; 0 is none. The name goes
 * first: killed before the close, a successor closes what has no name. */
void bh_drop_named(struct bh_kernel *k, uint32_t *word);

/* The system cannot go on: says why, in one sentence, and ends it with 111. */
void bh_fail(struct bh_kernel *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* -- attach.c: a kernel's start ------------------------------------------------ */

/* Makes or takes up everything that the board names. */
void bh_kernel_attach(struct bh_kernel *k);

/* -- proc.c: the process table ------------------------------------------------- */

static inline struct bh_proc *bh_proc_at(struct bh_kernel *k, uint32_t idx)
{
	return &k->board->procs[idx];
}

/* for (i = from; i < BH_BOARD_PROCS; i = bh_proc_after(k, i)): the entries that were
 * ever used. */
uint32_t bh_proc_after(const struct bh_kernel *k, uint32_t idx);

/* True if the entry stands for a process that may be alive. */
bool bh_proc_live(const struct bh_proc *p);

/* What a child does between its clone and its exec; returns only if that fails,
 * with an exit code. @ctl is its end of the control socket. */
typedef int (*bh_child_fn)(struct bh_kernel *k, uint32_t idx, int ctl);

/*
 * Starts a process of its own table (a zygote or server) in entry @idx. pid and
 * pidfd are written to the board by Linux itself, in the clone: no kernel that is
 * killed here leaves a child that its successor does not know. (Where clone3() is refused
 * the pid comes a moment later, ipc/clone.h: a successor may then start it again, and the
 * first one ends, for nobody holds the other end of its socket.)
 */
int bh_proc_start(struct bh_kernel *k, uint32_t idx, bh_child_fn child);

/* What to look at when a process cannot be made, for the end of a sentence; or "". */
const char *bh_proc_hint(int err);

/* Makes the control socket of entry @idx; returns the child's end. */
int bh_proc_socket(struct bh_kernel *k, uint32_t idx);

/* Commits that entry @idx has become process @pid. */
void bh_proc_pid(struct bh_kernel *k, uint32_t idx, int32_t pid, int pidfd);

/* Watches what the board says of entry @idx; after an attach. */
void bh_proc_watch(struct bh_kernel *k, uint32_t idx);

void bh_proc_kill(struct bh_kernel *k, uint32_t idx);

/* The process is dead and cleaned up after: forgets its pid and descriptors. */
void bh_proc_forget(struct bh_kernel *k, uint32_t idx);

/* True if entry @idx's process is dead for certain: its pidfd says so, or there is none,
 * because it was dead already when it was found (adopt() in worker.c). */
bool bh_proc_dead(struct bh_kernel *k, uint32_t idx);

/* How it died, from the guardian's ring; false: not there (yet). */
bool bh_proc_status(const struct bh_kernel *k, const struct bh_proc *p, int *status);

/* True while it is worth waiting for that: the guardian lives and has not had long. */
bool bh_proc_status_due(const struct bh_kernel *k, uint32_t idx);

/* The process that @pidfd names, a child of the guardian. -ESRCH: it is dead and reaped;
 * any other error: it names nothing of the kind. */
int32_t bh_pidfd_pid(const struct bh_kernel *k, int pidfd);

/* True if an entry stands for process @pid: nobody may claim it for another one. */
bool bh_proc_taken(struct bh_kernel *k, int32_t pid);

/* A pidfd of @pid, which an arena names: a child of the guardian that no entry
 * stands for. -ESRCH: dead and reaped; any other error: it is nothing of the kind. */
int bh_proc_stray(struct bh_kernel *k, int32_t pid);

/* Phase: entries whose death was announced are confirmed and handed to those who
 * look after their kind. */
void bh_phase_deaths(struct bh_kernel *k);

/* -- child.c: in a child, between clone and exec --------------------------------- */

/* Places @fds at 3, 4, ... in the order given (-1: left out), closes everything
 * else and undoes what the kernel did to signals; SIGTERM, SIGINT and SIGHUP stay blocked.
 * @lend: as for bh_out_child(). */
int bh_child_fds(const int *fds, int n, bool lend);

/* Sets the soft limits of a service's process. */
void bh_child_limit(const struct bh_plan_limits *l);

/* Makes this process, and all it forks, the first that the out-of-memory killer takes of
 * the system. */
void bh_child_expendable(void);

/* Becomes @uid, and @gid with @groups (UINT32_MAX: stays as it is). */
int bh_child_become(uint32_t uid, uint32_t gid, uint32_t n_groups, const uint32_t *groups);

/* The same, and what the environment says of a user. */
int bh_child_user(const struct bh_plan_user *u);

/* Becomes the program on @fd, one of those that bh_child_fds() placed; returns only if that
 * fails: -errno. */
int bh_child_exec(int fd, char *const *argv);

/* -- images.c: the files that the system was started from --------------------------- */

/* Holds them, before the guardian. One that is not there is missed by who needs it. */
void bh_images_hold(struct bh_images *im, const struct bh_plan *plan);

/* Is @fd one of them? */
bool bh_images_have(const struct bh_images *im, int fd);

/* -- lifeline.c: what ends the system when guardian and kernel are gone ------------ */

/* Makes it, before the guardian: end[0] is what children join; end[1] is closed by the
 * end of those who have it, guardian and kernel. */
int bh_lifeline_make(int end[static 2]);

/* In a child, before bh_child_fds() and bh_child_become(): makes it a session of its own
 * that the lifeline reaches. Returns the descriptor that it, and all it forks, are to hold. */
int bh_lifeline_join(int lifeline);

/* -- control.c: messages --------------------------------------------------------- */

/* Sends one message, with @fd if that is >= 0. -EAGAIN: the peer does not read. */
int bh_ctl_send(int ctl, const struct bh_ctl *m, int fd);

/* Phase: reads and handles what children sent. */
void bh_phase_control(struct bh_kernel *k);

/* Handles what is queued on entry @idx's socket now. */
void bh_control_drain(struct bh_kernel *k, uint32_t idx);

/* -- service.c: a service's arena, zygote and twin --------------------------------- */

static inline uint32_t bh_worker_proc(const struct bh_ksvc *s, uint32_t slot)
{
	return s->procs + 2 + (slot < BH_MAX_WORKERS ? slot : s->workers + slot - BH_MAX_WORKERS);
}

/* for (slot = 0; slot < BH_SLOTS; slot = bh_slot_next(s, slot)): workers and blocking
 * processes whose entries were ever used. */
static inline uint32_t bh_slot_next(const struct bh_ksvc *s, uint32_t slot)
{
	slot = slot + 1 == s->workers ? BH_MAX_WORKERS : slot + 1;
	return slot < s->workers || slot - BH_MAX_WORKERS < s->board->blocking_mark ? slot :
										      BH_SLOTS;
}

/* The entry of the zygote (or, @kind BH_PROC_TWIN, the twin). */
uint32_t bh_zygote_proc(const struct bh_ksvc *s, enum bh_proc_kind kind);

/* Its zygote loads its code or runs init(): nobody else is in its arena, nothing in it is
 * of interest to anybody, and no task of it knows of another service. */
static inline bool bh_service_loading(const struct bh_ksvc *s)
{
	const struct bh_proc *z = &s->kernel->board->procs[bh_zygote_proc(s, BH_PROC_ZYGOTE)];

	return bh_ld_acq(&z->state) == BH_PROC_STARTING;
}

/* With a new arena. It cannot: bh_start_failed(). */
void bh_service_start(struct bh_ksvc *s);

/* Maps the arena and watches its descriptors: for bh_service_start() and attach. */
int bh_service_open(struct bh_ksvc *s);

void bh_zygote_ready(struct bh_ksvc *s, const struct bh_ctl *m);
void bh_twin_start(struct bh_ksvc *s);
void bh_twin_made(struct bh_ksvc *s, const struct bh_ctl *m, int pidfd);

/* A new kernel's way to a twin: takes it up, asks for it or starts it. */
void bh_twin_ask(struct bh_ksvc *s);
void bh_zygote_died(struct bh_ksvc *s, uint32_t idx, int status);

/* All of the service's processes are killed; when they are dead, it starts anew. */
void bh_service_reset(struct bh_ksvc *s, const char *why);

/* The same, and no failure: of this service alone, and not counted. */
void bh_service_end(struct bh_ksvc *s);

/* Counts a failure (of crash record @crash only once; 0: of none). True: there were more
 * than @most (0: never) within @period ns. */
bool bh_too_often(struct bh_board_failures *b, int64_t now, uint32_t most, int64_t period,
		  uint64_t crash);

/* Goes on with a reset; with @anew, from its first step. */
void bh_service_reset_step(struct bh_ksvc *s, bool anew);

static inline bool bh_service_resetting(const struct bh_ksvc *s)
{
	return s->board->state == BH_PROC_DEAD || s->board->state == BH_PROC_BACKOFF;
}

/* -- start.c: starts that take long or fail ----------------------------------------------- */

/* The service has not come up: it is tried again, for ever, with pauses. The first start
 * of all: ends the system. */
void bh_start_failed(struct bh_ksvc *s, const char *why);

struct bh_crash_facts;

/* True if the incarnation in @slot is, or died, in its worker_init(). */
bool bh_start_in_init(const struct bh_ksvc *s, uint32_t slot);

/* Who died in worker_init(), and how: "" if it did not. Before its recovery. */
void bh_start_init_text(const struct bh_ksvc *s, uint32_t slot, const struct bh_crash_facts *f,
			char out[static 160]);

/* Says it, after the recovery. A service that has no worker yet has failed to start. */
void bh_start_init_judge(struct bh_ksvc *s, const struct bh_crash_facts *f, const char *text);

/* Phase: how long the services that start have done so. */
void bh_phase_starts(struct bh_kernel *k);

/* -- worker.c: worker slots ----------------------------------------------------------- */

/* Starts the next incarnation of @slot: epoch, STARTING, FORK_WORKER, unless it has an
 * heir. */
void bh_worker_start(struct bh_ksvc *s, uint32_t slot);

/* The same for a dead kernel, which had come as far as the entry. */
void bh_worker_go_on(struct bh_ksvc *s, uint32_t slot);

/* Sends what a zygote has not been asked yet (or what a dead one was asked). */
void bh_worker_ask(struct bh_ksvc *s, uint32_t slot);

/* The slot is held by process @pid, of which no message told: takes it up, dead or alive. */
void bh_worker_adopt(struct bh_ksvc *s, uint32_t slot, int32_t pid);

/* Moves a STARTING slot to an epoch that no process was made for; false if one
 * of the old epoch has taken the slot. */
bool bh_worker_bump(struct bh_ksvc *s, uint32_t slot);

void bh_worker_forked(struct bh_ksvc *s, const struct bh_ctl *m, int pidfd);

/* Phase: which of those that start are up. */
void bh_phase_workers(struct bh_kernel *k);

/* -- heir.c: a replacement that is made before the slot is recovered --------------------- */

/* Asks for the next worker of @slot, whose last one has just died. Without effect if there
 * will be none, or nobody can be asked: then bh_worker_start() does it. */
void bh_heir_ask(struct bh_ksvc *s, uint32_t slot);

/* True: @m tells who the heir of @idx is, and @pidfd is kept. False: it is about somebody
 * else, or there is no heir. @real: it names a child that nobody is known to be. */
bool bh_heir_forked(struct bh_kernel *k, uint32_t idx, const struct bh_ctl *m, int pidfd,
		    bool real);

/* Nobody is to take over: ends the heir if there is one. */
void bh_heir_drop(struct bh_kernel *k, uint32_t idx);

/* The zygote has died: who was not told of by then may never be made. */
void bh_heirs_lost(struct bh_ksvc *s);

/* -- nobody.c: slots in which nobody is ---------------------------------------------------- */

enum bh_nobody {
	BH_NOBODY_NOT = 0, /* all is well with it, as far as this knows */
	BH_NOBODY_UP,      /* it is up, and has no process */
	BH_NOBODY_LIVES,   /* its process is dead, and no event told of it */
	BH_NOBODY_CAME,    /* it starts, and of who was asked for nothing was heard */
	BH_NOBODY_KNOWN,   /* it has no process, and its word says that one has it */
};

/* What is wrong with @slot at this moment. */
enum bh_nobody bh_nobody_look(struct bh_ksvc *s, uint32_t slot);

/* Puts it right as far as nobody who may live is concerned. A verifying scan is to follow. */
void bh_nobody_mend(struct bh_ksvc *s, uint32_t slot);

/* -- resize.c: how many workers a service has ------------------------------------------ */

/* From now on @wanted workers (1 to s->workers): starts them, or lets the last ones go
 * when nothing is pinned to them. Anything else is ignored. */
void bh_service_resize(struct bh_ksvc *s, uint32_t wanted);

/* Tells the workers how many of them are wanted, and wakes those that are not. */
void bh_resize_tell(struct bh_ksvc *s);

/* Nobody is wanted any more: who has nothing to do writes out what it printed, and goes.
 * To be called again until they are gone. */
void bh_resize_dismiss(struct bh_ksvc *s);

/* True if the worker that died in @slot says that it gave up its slot. */
bool bh_worker_retired(const struct bh_ksvc *s, uint32_t slot);

/* The slot stays empty, until it is wanted again. */
void bh_worker_vacate(struct bh_ksvc *s, uint32_t slot);

/* -- stall.c: workers that do not turn ---------------------------------------------------- */

/* Phase: who has not turned since the last look. */
void bh_phase_stalls(struct bh_kernel *k);

/* -- trim.c: memory that nobody uses --------------------------------------------------- */

/* Phase: rounds that give it back. */
void bh_phase_trim(struct bh_kernel *k);

/* Now and then: ends blocking processes whose main thread has ended. */
void bh_stall_look_blocking(struct bh_ksvc *s);

/* The letter of /proc/PID/stat: R, S, D, T, ...; 0: cannot be had. */
char bh_stall_ask(int32_t pid);

static inline bool bh_stall_stopped(char state)
{
	return state == 'T' || state == 't';
}

/* -- hog.c: what is done about them ----------------------------------------------------------- */

/* Worker @slot has not turned for st->stalled_ns: reports and ends it as the plan says. */
void bh_hog_look(struct bh_ksvc *s, uint32_t slot, struct bh_kstall *st);

/* -- blocking.c: the pool of blocking processes ---------------------------------------- */

/* Phase: grows pools, and ends the processes of aborted jobs. */
void bh_phase_blocking(struct bh_kernel *k);

/* -- recovery.c: the death of a worker -------------------------------------------------- */

/* Records, recovers, and starts the next. False: how it died is not known yet,
 * call again. */
bool bh_worker_died(struct bh_ksvc *s, uint32_t slot);

/* The name of a task type, fit for a terminal. */
void bh_type_name(const struct bh_ksvc *s, uint32_t type, char out[static 40]);

/* Phase: verifying scans and descriptors to close. */
void bh_phase_verify(struct bh_kernel *k);

/* The zygote could not tell which descriptors are lost: it is asked again later. */
void bh_audit_again(struct bh_ksvc *s);

/* Asks for a verifying scan of the service. */
void bh_verify_start(struct bh_ksvc *s, bool requeue);

/* True if a worker is dead and what it had is not yet put right. */
bool bh_worker_unrecovered(const struct bh_ksvc *s);

/* -- audit.c: garbage in an arena --------------------------------------------------------- */

/* Phase: audits the arenas, a bounded number of entries at a time. A service with
 * what cannot be put right is reset. */
void bh_phase_audit(struct bh_kernel *k);

/* True if all tasks of the service have ended, by its counters; and if a round of the
 * audit has found it so, too (if none has, one begins). */
bool bh_audit_all_ended(const struct bh_ksvc *s);
bool bh_audit_done(struct bh_ksvc *s);

/* -- record.c: recordings of events (ipc/evring.h) ------------------------------------------ */

/* Workers record for @ms from now on (at most a minute), if not for longer already. */
void bh_record(struct bh_kernel *k, int32_t ms);

/* What the kernel before may have recorded is to be given back. */
void bh_record_attach(struct bh_kernel *k);

/* Phase: ends a recording, and lets the rings of one that goes on take more; gives their
 * pages back when it has been over for a while. */
void bh_phase_record(struct bh_kernel *k);

/* Task @idx was woken by the kernel. */
void bh_record_woken(struct bh_ksvc *s, uint32_t idx, enum bh_event_kind why, uint64_t what);

/* The process in @slot died, as @c says; and the next one is up. */
void bh_record_crash(struct bh_ksvc *s, uint32_t slot, const struct bh_board_crash *c);
void bh_record_restart(struct bh_ksvc *s, uint32_t slot);

/* -- crash.c: crash records -------------------------------------------------------------- */

/* Writes the record of the death of entry @idx to the board, once; its id stands
 * in the entry then. @words may be NULL. */
struct bh_crash_facts {
	uint32_t service, worker;
	uint64_t recorded; /* id of the record that a predecessor wrote of it; 0: none */
	int status;
	bool status_known;
	bool oom;  /* killed for want of memory */
	bool hung; /* killed by the kernel, for it did not turn */
	uint64_t task, key;
	uint32_t type;
	char task_name[40];
	uint64_t type_crashes, worker_crashes; /* this one included */
	const struct bh_last_words *words;     /* a copy */
};
uint64_t bh_crash_record(struct bh_kernel *k, uint32_t idx, const struct bh_crash_facts *f);

/* The record that a predecessor wrote of the death at hand of entry @idx; 0: none. */
uint64_t bh_crash_recorded(struct bh_kernel *k, uint32_t idx);

/* Counts the crash of the worker in @slot, if a record of it stands on the board and is
 * the newest: by a new kernel, before any other crash (recovery.c). */
void bh_crash_count(struct bh_ksvc *s, uint32_t slot);

/* Its replacement was ready at @ready_ns: completes the record and logs it. */
void bh_crash_replaced(struct bh_kernel *k, uint32_t idx, int64_t ready_ns);

/* The signal a record of @f will name; 0: none. */
int bh_crash_signal(const struct bh_crash_facts *f);

/* "died of SIGSEGV", "ended with exit code 3": for a wait status. */
const char *bh_death_text(int status, char buf[static 40]);

/* True if the task itself brought about its death: SIGKILL and its like come from outside,
 * and hit whoever happens to run; but for want of memory it hits who took it. */
bool bh_crash_own_fault(const struct bh_crash_facts *f);

/* -- hold.c ---------------------------------------------------------------------------------- */

/* True: the task at hand is beyond its type's budget of crashes. The caller decides what
 * becomes of it (bh_recover_decide()), and that is carried out later. */
bool bh_hold(struct bh_ksvc *s, const struct bh_crash_facts *f);

/* A worker that crashed was back after so long. */
void bh_hold_cost(struct bh_ksvc *s, uint32_t us);

/* For bh_recover_ops: what the scan is to leave alone. */
bool bh_held(void *ctx, uint32_t idx);

/* Phase: those whose time has come. */
void bh_phase_hold(struct bh_kernel *k);

/* -- quarantine.c ---------------------------------------------------------------------------- */

/* The crash of task @f->task is about to be recorded. True: its type crashes too
 * often, by its key or by many: who did it is quarantined from now on. */
bool bh_quarantine(struct bh_ksvc *s, const struct bh_crash_facts *f);

/* Lets in again, by hand: @type (BH_TYPES: all), of that only @key if it is not NULL. */
void bh_quarantine_lift(struct bh_ksvc *s, uint32_t type, const uint64_t *key);

/* Housekeeping: who comes on probation, and how the trials went. */
void bh_quarantine_look(struct bh_kernel *k);

/* -- mains.c: what services' main tasks come to ------------------------------------------------ */

/* Main crashed, of which @crash is the record, and is to start again: says when. */
void bh_main_crashed(struct bh_ksvc *s, const struct bh_crash_facts *f, uint64_t crash);

/* Once its worker is recovered: resets the service if main has crashed too often. */
void bh_main_judge(struct bh_ksvc *s);

/* Housekeeping: which mains have returned, and what. */
void bh_mains_look(struct bh_kernel *k);

/* What value -errno means, for people. */
const char *bh_error_text(int64_t value);

/* The exit code of a system whose services are done. */
uint32_t bh_mains_exit_code(const struct bh_kernel *k);

/* -- shortage.c -------------------------------------------------------------------------------- */

/* Says what has run short since the last line; with each housekeeping. What a predecessor
 * saw is not said again. */
void bh_shortage_look(struct bh_kernel *k);
void bh_shortage_begin(struct bh_ksvc *s);

/* -- oom.c: whom Linux killed for want of memory -------------------------------------------- */

/* Housekeeping: kills that nobody has asked about from one look to the next were
 * somebody else's. */
void bh_oom_look(struct bh_kernel *k);

/* A child died of a SIGKILL that the kernel did not send. True: of the out-of-memory
 * killer's. */
bool bh_oom_killed(struct bh_kernel *k);

/* -- restart.c: when to start again --------------------------------------------------------- */

/* The pause after so many failures in a row: none, @min_ms, twice that, ... @max_ms. */
int64_t bh_pause_ms(uint32_t failures, uint32_t min_ms, uint32_t max_ms);

/* Puts entry @idx in BACKOFF: at once if @failures is 0, else by the bounds, less a
 * jitter of up to a quarter. */
void bh_restart_later(struct bh_kernel *k, uint32_t idx, uint32_t failures, uint32_t min_ms,
		      uint32_t max_ms);

/* Phase: starts whom it is time to start. */
void bh_phase_restarts(struct bh_kernel *k);

/* -- reactor.c --------------------------------------------------------------------------------- */

/* Phase: I/O events that no worker takes become ready marks and wake-ups. */
void bh_phase_reactor(struct bh_kernel *k);

/* Makes the epoll instances of a new arena, with their kicks: descriptors on the board.
 * Killed in the middle: bh_reactor_drop() of a successor closes what there is. */
int bh_reactor_make(struct bh_ksvc *s, uint32_t n);
void bh_reactor_drop(struct bh_ksvc *s);

/* Watches what the board names: by every kernel, once the arena is mapped. */
int bh_reactor_open(struct bh_ksvc *s);

/* The epoll instance that source @index is has events. */
void bh_reactor_note(struct bh_kernel *k, uint32_t index);

/* True if @fd is one of the descriptors that bh_reactor_make() put on the board. */
bool bh_reactor_has(const struct bh_ksvc *s, int fd);

/* Begins to mark every I/O slot ready and to wake who waits: edges may have been
 * missed. */
void bh_reactor_wake_all(struct bh_ksvc *s);

/* Some have been, with their taker: the same, from the first slot on, even if that
 * is under way. */
void bh_reactor_lost(struct bh_ksvc *s);

/* -- timers.c -------------------------------------------------------------------------------------- */

/* Phase: posted deadlines go to the wheel, expired ones wake their task. */
void bh_phase_timers(struct bh_kernel *k);

/* Makes the (empty) wheel, as of the service's clock. Errors: -ENOMEM. */
int bh_timers_init(struct bh_ksvc *s);

/* Tells the workers that the kernel sleeps until @until_ns (0: it does not): a later
 * deadline needs no ring of the bell. */
void bh_timers_sleep(struct bh_ksvc *s, int64_t until_ns);

/* True if a ring has something for the wheel. */
bool bh_timers_posted(const struct bh_ksvc *s);

/* Begins to fill an empty wheel from the deadlines in the task table. */
void bh_timers_rebuild(struct bh_ksvc *s);

/* Wakes task @idx, whichever it is now. @why and @what: its event and the event's a. */
void bh_task_wake(struct bh_ksvc *s, uint32_t idx, enum bh_event_kind why, uint64_t what);

/* -- servers.c: admind and traced ------------------------------------------------------------------ */

void bh_server_start(struct bh_kernel *k, uint32_t idx);
void bh_server_died(struct bh_kernel *k, uint32_t idx, int status, bool known);
void bh_server_message(struct bh_kernel *k, uint32_t idx, const struct bh_ctl *m, int fd);

/* Sends the arenas (anew) to all servers. */
void bh_servers_owe(struct bh_kernel *k);

/* Phase: pays what is owed. */
void bh_phase_servers(struct bh_kernel *k);

/* -- stop.c ----------------------------------------------------------------------------------------- */

/* Begins the end; @now: without grace. */
void bh_stop(struct bh_kernel *k, bool now);

/* A signal asks for the end. The next one means now, unless it comes within a second: the
 * guardian forwards what the kernel was sent, too, with everybody else. */
void bh_stop_signalled(struct bh_kernel *k);

/* The guardian is dead: an orderly end, within a second. */
void bh_stop_orphaned(struct bh_kernel *k);

/* Phase. */
void bh_phase_stop(struct bh_kernel *k);

/* Housekeeping: services that are done, the system's start-up lines. */
void bh_system_look(struct bh_kernel *k);

/* -- log.c ----------------------------------------------------------------------------------------------- */

/* One line on stderr, with the time. Rate-limited: what is left out is counted. */
void bh_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
