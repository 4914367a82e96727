/* SPDX-License-Identifier: MIT */
#include "ipc/arena/incarnation.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ipc/queue/idle.h"

enum {
	WAIT_MS = 100,
	WAITS = 100, /* longer than the kernel waits to learn how a worker died: a process not
		       started by then is unknown to the kernel */
};

/* State and epoch: on our processors the first half of the word. */
static _Atomic uint32_t *low(_Atomic uint64_t *word)
{
	return (_Atomic uint32_t *)(uintptr_t)word;
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "low() is the half without the pid");

void bh_incarnation_start(_Atomic uint64_t *word, uint32_t epoch)
{
	bh_st_rel(word, bh_slot_word(BH_SLOT_STARTING, epoch, 0));
	syscall(SYS_futex, low(word), FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

bool bh_incarnation_next(_Atomic uint64_t *word, uint32_t epoch, uint32_t next, int32_t *pid)
{
	uint64_t w = bh_ld_acq(word);

	do {
		if (bh_slot_has(w, epoch)) {
			*pid = bh_slot_pid(w);
			return false;
		}
	} while (!bh_cas(word, &w, bh_slot_word(BH_SLOT_STARTING, next, 0)));
	return true;
}

static bool is_before(uint64_t word, uint32_t epoch)
{
	return bh_epoch_next(bh_slot_epoch(word)) == epoch;
}

/* Killed before the CAS, this process leaves the slot as it was. */
bool bh_incarnation_take(_Atomic uint64_t *word, uint32_t epoch)
{
	uint64_t mine = bh_slot_word(BH_SLOT_STARTING, epoch, 0), w = bh_ld_acq(word);

	for (int i = 0; i < WAITS && is_before(w, epoch); i++) {
		bh_futex_wait(low(word), (uint32_t)w, WAIT_MS * 1000000ll);
		w = bh_ld_acq(word);
	}
	return bh_cas(word, &mine, bh_slot_word(BH_SLOT_UP, epoch, (uint32_t)getpid()));
}

bool bh_incarnation_leave(_Atomic uint64_t *word, uint32_t epoch, int32_t pid)
{
	uint64_t mine = bh_slot_word(BH_SLOT_UP, epoch, (uint32_t)pid);

	return bh_cas(word, &mine, bh_slot_word(BH_SLOT_VACANT, epoch, (uint32_t)pid));
}

bool bh_incarnation_left(uint64_t word, uint32_t epoch, int32_t pid)
{
	return word == bh_slot_word(BH_SLOT_VACANT, epoch, (uint32_t)pid);
}

void bh_incarnation_end(_Atomic uint64_t *word, uint32_t epoch, int32_t pid)
{
	bh_st_rel(word, bh_slot_word(BH_SLOT_DEAD, epoch, (uint32_t)pid));
}

bool bh_incarnation_disown(_Atomic uint64_t *word, uint64_t seen)
{
	return bh_cas(word, &seen,
		      bh_slot_word(BH_SLOT_DEAD, bh_slot_epoch(seen), (uint32_t)bh_slot_pid(seen)));
}

void bh_incarnation_vacate(_Atomic uint64_t *word, uint32_t epoch)
{
	bh_st_rel(word, bh_slot_word(BH_SLOT_VACANT, epoch, 0));
}
