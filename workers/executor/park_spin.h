/* SPDX-License-Identifier: MIT */
/* park_spin.h: an idle worker watches its park word before it sleeps (spin.h says how long). */
#ifndef BH_WORKERS_EXECUTOR_PARK_SPIN_H
#define BH_WORKERS_EXECUTOR_PARK_SPIN_H

#include <stdbool.h>

/* It is about to park. True: as BH_SPINNING. */
bool bh_spin_begin(void);

/* It did not park after all. */
void bh_spin_cancel(void);

/* Watches the word for a moment. True: look again, at the word and whatever else
 * may end the idle time. False: sleep, as the word says. */
bool bh_spin_slice(void);

/* It is awake. */
void bh_spin_end(void);

#endif
