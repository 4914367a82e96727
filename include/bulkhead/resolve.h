/* SPDX-License-Identifier: MIT */
/*
 * resolve.h: the addresses of a host name, and connecting to one of several addresses.
 *
 * The system's resolver is asked (/etc/hosts, DNS, as nsswitch.conf says), in one of
 * the service's blocking processes. It does not give the answer's TTL, so answers are not
 * cached: each call asks anew. A caching resolver on the machine (systemd-resolved, nscd,
 * unbound) keeps answers for their TTL.
 *
 * Deadline and abort leave nothing behind: the process that asks is ended, also when
 * the caller crashes. A crash in the resolver ends that process alone; the answer is -EIO.
 */
#ifndef BULKHEAD_RESOLVE_H
#define BULKHEAD_RESOLVE_H

#include <bulkhead/base.h>
#include <bulkhead/net.h>
#include <bulkhead/task.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bh_addresses {
	size_t count;
	/* "1.2.3.4:80", "[::1]:80", in the order to try them */
	char address[BH_AT_ITS_END][BH_ADDRESS_MAX];
};

/*
 * The addresses of @address, "HOST:PORT" with a name or a number, for streams: *@out is one
 * block of the task's memory, to be given back by bh_free(). The best address is first, and
 * families alternate. Also in a blocking job, where the deadline means nothing.
 *
 * Errors: -ENOENT (there is no such name, or it has no address), -EHOSTDOWN (no name server
 * answers: try again later), -EPROTO (its answer is of no use), -EIO (above), -EINVAL
 * (@address), -BH_ETIMEDOUT, -BH_ECANCELED, -BH_ENOSLOT, -ENOMEM, -EDEADLK (from a poll
 * task), -EPERM (outside of a task).
 */
BH_API int bh_resolve(const char *address, struct bh_addresses **out,
		      int64_t deadline) BH_NODISCARD;

/*
 * Connects to the first address that answers, by RFC 8305: the addresses are tried
 * in order (16 at most), each when the one before has failed, or after 250 ms. Otherwise
 * as bh_connect(), which does this for a name; if no address answers, the error is the last
 * one's.
 */
BH_API int bh_connect_any(bh_io *out, const struct bh_addresses *list,
			  int64_t deadline) BH_NODISCARD;

/* For poll tasks: -EAGAIN: under way, and the task is polled again when there is an answer.
 * @op, zero at first, lies in the task's state, and is 0 again with each other answer. To give
 * up: bh_abort() and bh_detach() op->job. (Then bh_poll_connect() to one after the other.) */
struct bh_cx;
struct bh_resolve_op {
	bh_task job; /* a child of the task */
};
BH_API int bh_poll_resolve(struct bh_cx *cx, struct bh_resolve_op *op, const char *address,
			   struct bh_addresses **out) BH_NODISCARD;

#ifdef __cplusplus
}
#endif
#endif
