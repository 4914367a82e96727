/* SPDX-License-Identifier: MIT */
#include "ipc/arena/incarnation.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	WAIT_MS = 100,
	WAITS = 100, /* longer than the kernel waits to learn how a worker died: one that is not
		       started by then is one that nobody knows */
};

/* State and epoch: on our processors the first half of the word. */
static _Atomic uint32_t *low(struct bh_slot *w)
{
	return (_Atomic uint32_t *)(uintptr_t)&w->word;
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "low() is the half without the pid");

void bh_incarnation_start(struct bh_slot *w, uint32_t epoch)
{
	bh_st_rel(&w->word, bh_slot_word(BH_SLOT_STARTING, epoch, 0));
	syscall(SYS_futex, low(w), FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static bool is_before(uint64_t word, uint32_t epoch)
{
	return bh_epoch_next((uint32_t)word >> 16) == epoch;
}

/* Killed before the CAS, this process leaves the slot as it was. */
bool bh_incarnation_take(struct bh_slot *w, uint32_t epoch)
{
	uint64_t mine = bh_slot_word(BH_SLOT_STARTING, epoch, 0), word = bh_ld_acq(&w->word);

	for (int i = 0; i < WAITS && is_before(word, epoch); i++) {
		bh_futex_wait(low(w), (uint32_t)word, WAIT_MS * 1000000ll);
		word = bh_ld_acq(&w->word);
	}
	return bh_cas(&w->word, &mine, bh_slot_word(BH_SLOT_UP, epoch, (uint32_t)getpid()));
}
