/* SPDX-License-Identifier: MIT */
/*
 * answer.h: from the bytes of a request to a reply.
 *
 * A verb is one function of type bh_answer_fn and one line in the table of
 * answer.c.
 */
#ifndef BH_ADMIND_ANSWER_H
#define BH_ADMIND_ANSWER_H

#include "bulkhead.pb-c.h"
#include "ipc/repair/audit.h"
#include "tools/admind/scratch.h"
#include "tools/admind/system.h"

enum {
	BH_REQUEST_BYTES = 64 * 1024, /* a longer one is refused */
};

struct bh_answer {
	const struct bh_system *system;
	int ctl; /* the kernel's socket */
	const Bulkhead__Request *request;
	Bulkhead__Reply reply;
	struct bh_scratch scratch; /* all that the reply points to */
};

typedef void (*bh_answer_fn)(struct bh_answer *a);

void bh_answer_status(struct bh_answer *a);
void bh_answer_workers(struct bh_answer *a);
void bh_answer_tasks(struct bh_answer *a);
void bh_answer_crashes(struct bh_answer *a);
void bh_answer_latency(struct bh_answer *a);
void bh_answer_audit(struct bh_answer *a);
void bh_answer_stop(struct bh_answer *a);
void bh_answer_resize(struct bh_answer *a);
void bh_answer_events(struct bh_answer *a);
void bh_answer_dump(struct bh_answer *a);
void bh_answer_quarantine(struct bh_answer *a);

/* Fills @to with task @idx, whose state word is @w. False: the slot has another task by
 * now. A task may end and another begin in its slot during the read: the caller then
 * discards @to. */
bool bh_answer_task(struct bh_answer *a, Bulkhead__Task *to, const struct bh_view *v, uint32_t idx,
		    uint64_t w, int64_t now_ns);

/* Adds to @out the faults of the slots of service @i, and of the tasks said to run in
 * them. Takes a moment if there seem to be any: it checks again. */
void bh_audit_slots(const struct bh_system *s, uint32_t i, struct bh_audit *out);

/* The answer is no. */
__attribute__((format(printf, 3, 4))) void
bh_answer_refuse(struct bh_answer *a, Bulkhead__Error__Code code, const char *fmt, ...);

/* Whether @name ("": all) asks for service @i. */
bool bh_answer_wanted(const struct bh_answer *a, const char *name, uint32_t i);

/* False, and the request is refused: no service is called @name. */
bool bh_answer_known(struct bh_answer *a, const char *name);

/* Answers the request in @bytes. False: it was malformed or too large, as
 * a->reply.error says. bh_scratch_fini(&a->scratch) when the reply was packed. */
bool bh_answer_request(struct bh_answer *a, const struct bh_system *s, int ctl, const void *bytes,
		       size_t n);

#endif
