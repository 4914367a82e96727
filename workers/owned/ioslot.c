/* SPDX-License-Identifier: MIT */
/*
 * ioslot.c: I/O slots: opening, giving away, closing.
 *
 * A slot's owner word is the truth (ipc/arena/task.h). Opening and closing a descriptor
 * and writing it down are two steps; between them:
 *
 *   a descriptor made and not yet in a slot     journal.accepting is set: the
 *                                               zygote looks for it and closes it
 *   closed and the slot not yet free            the slot's inode tells that the
 *                                               number is somebody else's by now
 */
#include "workers/owned/ioslot.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipc/base/crash_key.h"
#include "ipc/protocol/files.h"
#include "workers/base/rt.h"
#include "workers/owned/files.h"

int bh_io_of(bh_io io, struct bh_ioslot **out)
{
	struct bh_ioslot *s = bh_io_at(&bh_rt.v, bh_handle_idx(io));

	if (!bh_rt.task)
		return bh_rt_no_task(-EPERM);
	if (!s || bh_ld_rlx(&s->gen) != bh_handle_gen(io) || bh_ld_rlx(&s->owner) != bh_rt.handle)
		return -BH_ESTALE;
	*out = s;
	return 0;
}

static void free_slot(uint32_t idx, uint64_t owner)
{
	bh_pool_freeing(&bh_rt.me->ios, idx);
	if (bh_cas(&bh_rt.v.ios[idx].owner, &owner, 0))
		bh_pool_give(&bh_rt.v.io_pool, &bh_rt.me->ios, idx);
}

static struct bh_ioslot *take_slot(uint32_t *idx)
{
	while ((*idx = bh_pool_take(&bh_rt.v.io_pool, &bh_rt.me->ios))) {
		struct bh_ioslot *s = &bh_rt.v.ios[*idx];
		uint64_t free = 0;

		/* What a closed predecessor left must not look like ours. */
		bh_st_rlx(&bh_rt.me->journal.io, *idx);
		bh_compiler_barrier();
		if (bh_cas(&s->owner, &free, bh_rt.handle))
			return s;
	}
	return NULL;
}

/* What is taken from the pool is a hint, which goes back. */
bool bh_io_room(void)
{
	uint32_t idx;

	while ((idx = bh_pool_take(&bh_rt.v.io_pool, &bh_rt.me->ios)))
		if (!bh_ld_acq(&bh_rt.v.ios[idx].owner)) {
			bh_pool_give(&bh_rt.v.io_pool, &bh_rt.me->ios, idx);
			return true;
		}
	return false;
}

/* A duplicate of a listener (listen.c) shares its file, which stays open when the
 * duplicate is closed; so may the registration of one whose worker died on the
 * way. It is taken over by whoever gets the same number next. An adopted one's is
 * not: that number is in another slot. */
static int watch(int fd, bh_io io, bool adopted)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET,
				  .data.u64 = io };
	int epfd = bh_rt_epfd(fd), rc = epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev);

	if (rc && errno == EEXIST && !adopted)
		rc = epoll_ctl(epfd, EPOLL_CTL_MOD, fd, &ev);
	return rc ? -errno : 0;
}

int bh_io_open(int fd, enum bh_io_kind kind, bh_io *out)
{
	uint32_t idx;
	struct bh_ioslot *s = take_slot(&idx);
	struct stat st = { 0 };

	if (!s)
		return -BH_ENOSLOT;
	uint32_t gen = bh_ld_rlx(&s->gen) + 1;
	gen += gen == 0;
	bh_st_rlx(&s->ino, fstat(fd, &st) ? 0 : (uint64_t)st.st_ino);
	/* What came before the registration is for the first attempt to find. */
	bh_st_rlx(&s->ready[0], BH_IO_READY);
	bh_st_rlx(&s->ready[1], BH_IO_READY);
	s->kind = kind;
	bh_st_rlx(&s->peer, kind == BH_IO_DISK ? (uint64_t)st.st_dev : 0);
	bh_st_rlx(&s->idle_ms, 0);
	bh_st_rel(&s->gen, gen); /* events for the old generation are dropped from here on */
	bh_st_rel(&s->fd, fd);
	bh_st_rlx(&s->next, bh_ld_rlx(&bh_rt.task->ios));
	bh_st_rel(&bh_rt.task->ios, idx);
	bh_st_rlx(&bh_rt.me->journal.io, 0);
	int err = kind == BH_IO_DISK ? 0 : watch(fd, bh_handle(gen, idx), kind >= BH_IO_SOCKET);
	if (err) {
		bh_st_rlx(&bh_rt.me->journal.io, idx);
		bh_compiler_barrier();
		bh_st_rel(&bh_rt.task->ios, bh_ld_rlx(&s->next));
		bh_st_rlx(&s->fd, -1);
		free_slot(idx, bh_rt.handle);
		return err;
	}
	bh_file_to_io(&bh_rt.v, fd, idx);
	*out = bh_handle(gen, idx);
	return 0;
}

void bh_io_making(bool on)
{
	bh_compiler_barrier();
	bh_st_rlx(&bh_rt.me->journal.accepting, on);
	bh_compiler_barrier();
}

int bh_io_keep(int fd, enum bh_io_kind kind, bh_io *out)
{
	int err = fd < 0 ? fd : bh_io_open(fd, kind, out);

	if (err && fd >= 0)
		bh_sys_close(fd);
	return err;
}

bool bh_io_is_own(const struct bh_ioslot *s)
{
	int fd = bh_ld_rlx(&s->fd);

	return fd < 0 || (uint32_t)fd >= bh_rt.v.l.files ||
	       &bh_rt.v.ios[bh_ld_rlx(&bh_rt.v.files[fd].io)] == s;
}

uint64_t bh_io_key(int fd, const struct sockaddr *sa, socklen_t len)
{
	struct ucred user;
	socklen_t n = sizeof(user);

	if (len < sizeof(sa->sa_family) || sa->sa_family != AF_UNIX)
		return bh_crash_key_of(sa, len);
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &user, &n) ? 0 : BH_KEY_UID | user.uid;
}

uint64_t bh_io_peer(bh_io io)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	struct bh_ioslot *s;

	if (bh_io_of(io, &s))
		return 0;
	if (s->kind == BH_IO_DISK)
		return 0;
	uint64_t key = bh_ld_rlx(&s->peer);
	int fd = bh_ld_rlx(&s->fd);
	if (key || s->kind < BH_IO_SOCKET || s->kind >= BH_IO_FILE ||
	    getpeername(fd, (struct sockaddr *)&ss, &len))
		return key;
	return bh_io_key(fd, (struct sockaddr *)&ss, len);
}

/* Takes slot @idx out of @t's list. Commit: the store of the link. */
static void unlink_io(struct bh_tcb *t, uint32_t idx)
{
	struct bh_ioslot *s = &bh_rt.v.ios[idx], *p;
	uint32_t at = bh_ld_rlx(&t->ios);

	if (at == idx) {
		bh_st_rel(&t->ios, bh_ld_rlx(&s->next));
		return;
	}
	while ((p = bh_io_at(&bh_rt.v, at)) && bh_ld_rlx(&p->next) != idx)
		at = bh_ld_rlx(&p->next);
	if (p)
		bh_st_rel(&p->next, bh_ld_rlx(&s->next));
}

/* Killed between close() and the next store, the zygote finds the number, perhaps in
 * use again, and its inode tells. An eventfd and its like share one inode: the number
 * is first made one of the arena's, and the slot forgets the inode. */
static void close_fd(struct bh_ioslot *s, int fd)
{
	/* Closing a stream takes it out of the epoll instance, too; of the others there
	 * may be a duplicate. */
	if (!bh_io_sole(s->kind) && s->kind != BH_IO_DISK)
		epoll_ctl(bh_rt_epfd(fd), EPOLL_CTL_DEL, fd, NULL);
	if (s->kind >= BH_IO_FILE && (int)syscall(SYS_dup3, BH_ARENA_FD, fd, O_CLOEXEC) == fd)
		bh_st_rel(&s->ino, 0);
	bh_sys_close(fd);
}

static void close_slot(struct bh_tcb *t, uint32_t idx, uint64_t owner)
{
	struct bh_ioslot *s = &bh_rt.v.ios[idx];
	int fd = bh_ld_rlx(&s->fd);

	bh_st_rlx(&bh_rt.me->journal.io, idx);
	bh_compiler_barrier();
	unlink_io(t, idx);
	if (fd >= 0 && bh_io_is_own(s))
		close_fd(s, fd);
	bh_st_rlx(&s->fd, -1);
	bh_st_rlx(&s->ready[0], 0);
	bh_st_rlx(&s->ready[1], 0);
	free_slot(idx, owner);
	bh_st_rlx(&bh_rt.me->journal.io, 0);
}

void bh_ios_release(struct bh_tcb *t, uint64_t owner)
{
	uint32_t idx;

	while ((idx = bh_ld_rlx(&t->ios))) {
		struct bh_ioslot *s = bh_io_at(&bh_rt.v, idx);

		if (!s || bh_ld_rlx(&s->owner) != owner)
			break;
		close_slot(t, idx, owner);
	}
	bh_st_rlx(&t->ios, 0);
}

int bh_io_give(bh_io io, struct bh_tcb *to, uint64_t owner)
{
	struct bh_ioslot *s;
	uint64_t mine = bh_rt.handle;
	int err = bh_io_of(io, &s);

	if (err)
		return err;
	bh_st_rlx(&bh_rt.me->journal.io, bh_handle_idx(io));
	bh_compiler_barrier();
	unlink_io(bh_rt.task, bh_handle_idx(io));
	bh_st_rlx(&s->next, 0);
	bh_st_rel(&to->ios, bh_handle_idx(io));
	bh_cas(&s->owner, &mine, owner);
	bh_compiler_barrier();
	bh_st_rlx(&bh_rt.me->journal.io, 0);
	return 0;
}

int bh_close(bh_io io)
{
	struct bh_ioslot *s;
	int err = bh_io_of(io, &s);

	if (!err)
		close_slot(bh_rt.task, bh_handle_idx(io), bh_rt.handle);
	return err;
}
