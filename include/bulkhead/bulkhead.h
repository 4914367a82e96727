/* SPDX-License-Identifier: MIT */
/* bulkhead.h: the whole public API. Start reading at service.h and task.h. */
#ifndef BULKHEAD_BULKHEAD_H
#define BULKHEAD_BULKHEAD_H

#include <bulkhead/address.h>
#include <bulkhead/async.h>
#include <bulkhead/base.h>
#include <bulkhead/blocking.h>
#include <bulkhead/buffered.h>
#include <bulkhead/cancel.h>
#include <bulkhead/datagram.h>
#include <bulkhead/fs.h>
#include <bulkhead/local.h>
#include <bulkhead/log.h>
#include <bulkhead/mem.h>
#include <bulkhead/net.h>
#include <bulkhead/pipe.h>
#include <bulkhead/resolve.h>
#include <bulkhead/service.h>
#include <bulkhead/sync.h>
#include <bulkhead/task.h>
#include <bulkhead/time.h>
#include <bulkhead/unix.h>

#endif
