/* SPDX-License-Identifier: MIT */
#include "workers/base/rt.h"

struct bh_rt bh_rt;
