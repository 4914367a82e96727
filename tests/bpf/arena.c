/* SPDX-License-Identifier: MIT */
#include "arena.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	LOG = 1 << 16,
};

/* On the descriptor where traced looks for it. */
static void give_plan(struct scene *s)
{
	static struct bh_plan plan = { .magic = BH_PLAN_MAGIC,
				       .bytes = sizeof(plan),
				       .n_services = 1,
				       .services[0] = { .workers = 8,
							.max_tasks = 1024,
							.max_io = 64,
							.max_memory = 1 << 20 } };
	int fd = memfd_create("test-plan", 0);

	plan.format = bh_format;
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, &plan, sizeof(plan)), sizeof(plan));
	if (fd != BH_PLAN_FD) {
		ck_assert_int_eq(dup2(fd, BH_PLAN_FD), BH_PLAN_FD);
		close(fd);
	}
	bh_layout_from_plan(&s->layout, &plan.services[0]);
}

static void send_arena(struct scene *s)
{
	struct bh_ctl ctl = { .op = BH_CTL_ARENA };
	struct iovec iov = { &ctl, sizeof(ctl) };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &s->arena_fd, sizeof(int));
	ck_assert_int_eq(sendmsg(s->rig.ctl, &msg, 0), sizeof(ctl));
}

void scene_open(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	give_plan(s);
	rig_open(&s->rig);
	/* Workers are forks of this process. */
	s->rig.board->procs[0].kind = BH_PROC_ZYGOTE;
	s->rig.board->procs[0].pid = getpid();
	rig_start(&s->rig, getuid());
	ck_assert_msg(s->rig.said.trace_page.error == 0, "%s", s->rig.said.trace_page.why);
	s->arena_fd = bh_arena_create(&s->layout, "test", 0);
	ck_assert_int_ge(s->arena_fd, 0);
	ck_assert_int_eq(
		bh_view_map(&s->view, &s->layout, s->arena_fd, (void *)BH_ARENA_BASE, true), 0);
	send_arena(s);
	rig_refresh(&s->rig);
}

void scene_close(struct scene *s)
{
	rig_stop(&s->rig);
	bh_view_unmap(&s->view);
	close(s->arena_fd);
}

/* As the executor does: the word first, then the task in hand. */
static void take_role(struct scene *s, const struct role *r)
{
	struct bh_slot *w = &s->view.workers[r->slot];
	struct bh_tcb *t = &s->view.tasks[r->idx];

	t->type = r->type;
	bh_st_rlx(&t->state, (uint64_t)r->gen << 32);
	bh_st_rlx(&w->word, bh_slot_word(BH_SLOT_UP, 1, (uint32_t)getpid()));
	bh_st_rlx(&w->current, role_task(r));
}

struct sleeper scene_actor(struct scene *s, const struct role *r, bool listed, void (*act)(void *),
			   void *arg)
{
	int in[2], out[2];
	char c;

	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		worker_process(-1);
		take_role(s, r);
		if (act && read(STDIN_FILENO, &c, 1) == 1)
			act(arg);
		while (read(STDIN_FILENO, &c, 1) == 1 && write(STDOUT_FILENO, &c, 1) == 1)
			;
		_exit(0);
	}
	close(in[0]);
	close(out[1]);
	if (listed) {
		s->rig.board->services[0].worker_pid[r->slot] = pid;
		rig_tracked(&s->rig, r->slot, pid);
	}
	return (struct sleeper){ .pid = pid, .poke = in[1], .done = out[0] };
}

struct sleeper scene_worker(struct scene *s, const struct role *r, bool listed)
{
	return scene_actor(s, r, listed, NULL, NULL);
}

void scene_record(struct scene *s, bool on)
{
	bh_st_rlx(&s->view.a->recording, on);
	wait_until(__atomic_load_n(&s->rig.page->recording, __ATOMIC_RELAXED) == on);
}

uint32_t scene_events(struct scene *s, struct bh_event *out, uint32_t max)
{
	const struct bh_evring *rings = bh_trace_rings(s->rig.page);
	uint32_t n = 0;

	for (uint32_t i = 0; i < BH_TRACE_RINGS; i++)
		n += bh_evring_read(&rings[i], &s->read[i], out + n, max - n, &s->lost);
	return n;
}

struct bh_event scene_event(struct scene *s, enum bh_event_kind kind, pid_t pid)
{
	static struct bh_event log[LOG];
	static uint32_t n;
	int64_t limit = now_ms() + 10000;

	while (now_ms() < limit) {
		n += scene_events(s, log + n, LOG - n);
		for (uint32_t i = 0; i < n; i++)
			if (log[i].kind == kind && log[i].pid == (uint32_t)pid)
				return log[i];
		pause_ms(1);
	}
	ck_abort_msg("no event %d of process %d", (int)kind, pid);
}
