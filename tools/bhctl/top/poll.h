/* SPDX-License-Identifier: MIT */
/*
 * poll.h: asks the system for the data of `bhctl top`, without ever waiting: a round
 * of questions a second, and between rounds the workers' tasks, twenty times a second.
 */
#ifndef BH_TOOLS_BHCTL_TOP_POLL_H
#define BH_TOOLS_BHCTL_TOP_POLL_H

#include "tools/bhctl/ask.h"
#include "tools/bhctl/top/model.h"

struct bh_top_poll {
	struct bh_line line;
	enum bh_top_ask ask; /* the next question; BH_TOP_ASK_WORKERS: between rounds */
	bool asked;
	int64_t asked_ns, round_ns, sample_ns; /* when the last ones were asked */
	int64_t heard_ns;                      /* the last answer; 0: none yet */
	bool gone;                             /* no system answers */
	unsigned rounds;                       /* that are complete */
};

int64_t bh_top_now(void);

/* 0, or an error of nng. */
int bh_top_poll_open(struct bh_top_poll *p, const char *url);

/* Asks the questions that are due, and takes an answer that is there. True: something new to
 * see. To be called twenty times a second, and when p->line.fd is readable. */
bool bh_top_poll_turn(struct bh_top_poll *p, struct bh_top_model *t, bool paused);

#endif
