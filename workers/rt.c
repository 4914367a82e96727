/* SPDX-License-Identifier: MIT */
#include "workers/rt.h"

struct bh_rt bh_rt;
