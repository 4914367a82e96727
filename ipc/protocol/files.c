/* SPDX-License-Identifier: MIT */
#include "ipc/protocol/files.h"

#include "ipc/arena/arena.h"

static struct bh_file *file_at(const struct bh_view *v, int fd)
{
	return fd >= 0 && (uint32_t)fd < v->l.files ? &v->files[fd] : NULL;
}

/* The entries that may be in use. */
static uint32_t end_of(const struct bh_view *v)
{
	uint32_t mark = bh_ld_acq(&v->a->files.mark);

	return mark < v->l.files ? mark : v->l.files;
}

static void raise_mark(const struct bh_view *v, int fd)
{
	uint32_t mark = bh_ld_rlx(&v->a->files.mark);

	while (mark <= (uint32_t)fd && !bh_cas(&v->a->files.mark, &mark, (uint32_t)fd + 1))
		;
}

void bh_file_note(const struct bh_view *v, int fd, uint64_t by, uint64_t task, uint64_t ino,
		  uint32_t dev)
{
	struct bh_file *f = file_at(v, fd);

	if (!f)
		return;
	raise_mark(v, fd);
	/* First 0: the former `by` must not stand with half of the new entry. */
	bh_st_rel(&f->by, 0);
	bh_fence();
	bh_st_rlx(&f->task, task);
	bh_st_rlx(&f->ino, ino);
	bh_st_rlx(&f->dev, dev);
	bh_st_rlx(&f->io, 0);
	bh_st_rel(&f->by, by); /* pairs with the acquire in lose and in the zygote */
}

void bh_file_drop(const struct bh_view *v, int fd, uint64_t by)
{
	struct bh_file *f = file_at(v, fd);

	if (f && bh_file_known(by))
		bh_cas(&f->by, &by, 0);
}

bool bh_file_take(const struct bh_view *v, int fd, uint64_t by, uint64_t mine, uint64_t task)
{
	struct bh_file *f = file_at(v, fd);

	if (!f || !bh_file_known(by) || !bh_cas(&f->by, &by, mine))
		return false;
	bh_st_rel(&f->task, task);
	return true;
}

void bh_file_to_io(const struct bh_view *v, int fd, uint32_t idx)
{
	struct bh_file *f = file_at(v, fd);

	if (!f)
		return;
	bh_st_rlx(&f->io, idx);
	if (bh_ld_rlx(&f->by))
		bh_st_rel(&f->by, 0);
}

uint32_t bh_file_io(const struct bh_view *v, int fd)
{
	struct bh_file *f = file_at(v, fd);
	uint32_t idx = f ? bh_ld_rlx(&f->io) : 0;
	struct bh_ioslot *s = bh_io_at(v, idx);

	return s && bh_ld_acq(&s->owner) && bh_ld_rlx(&s->fd) == fd ? idx : 0;
}

static bool process_lives(const struct bh_view *v, uint64_t by)
{
	uint32_t slot = (uint32_t)(by >> 48);
	uint64_t w = slot < BH_SLOTS ? bh_ld_acq(&v->workers[slot].word) : 0;

	return bh_slot_has(w, (uint32_t)(by >> 32));
}

static bool task_lives(const struct bh_view *v, uint64_t handle)
{
	struct bh_tcb *t = handle ? bh_tcb_of(v, handle) : NULL;

	return t && bh_state_of(bh_ld_acq(&t->state)) != BH_DONE;
}

static bool is_lost(const struct bh_view *v, uint64_t by, uint64_t task, uint64_t crashed)
{
	if (task && task == crashed)
		return true;
	return !process_lives(v, by) && !task_lives(v, task);
}

/* A descriptor that only the dead worker's journal names: the zygote looks up its file. */
static void lose_incoming(const struct bh_view *v, _Atomic int32_t *word)
{
	int fd = bh_ld_rlx(word);
	struct bh_file *f = file_at(v, fd);
	uint64_t nobody = 0;

	if (fd > 0 && f && !bh_ld_acq(&f->by) && !bh_file_io(v, fd)) {
		raise_mark(v, fd);
		bh_st_rlx(&f->ino, 0);
		bh_st_rlx(&f->dev, 0);
		bh_cas(&f->by, &nobody, BH_FILE_LOST);
	}
	if (fd)
		bh_st_rel(word, 0);
}

static void lose_all_incoming(const struct bh_view *v)
{
	for (uint32_t i = 0; i < BH_SLOTS; i = bh_slot_after(v, i)) {
		struct bh_slot *w = &v->workers[i];

		if ((bh_ld_acq(&w->word) & 0xffff) == BH_SLOT_UP)
			continue;
		for (int k = 0; k < 2; k++)
			lose_incoming(v, &w->journal.incoming.fd[k]);
	}
}

uint32_t bh_files_lose(const struct bh_view *v, uint64_t crashed)
{
	lose_all_incoming(v);

	uint32_t end = end_of(v), n = 0;

	for (uint32_t i = 0; i < end; i++) {
		struct bh_file *f = &v->files[i];
		uint64_t by = bh_ld_acq(&f->by);

		if (bh_file_known(by) && is_lost(v, by, bh_ld_rlx(&f->task), crashed))
			n += bh_cas(&f->by, &by, BH_FILE_LOST);
		else
			n += by == BH_FILE_LOST;
	}
	return n;
}
