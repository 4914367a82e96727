/* SPDX-License-Identifier: MIT */
/*
 * place.h: where a system's admin endpoint is when nobody says so: `bulkhead
 * run` makes it there, bhctl looks for it there.
 *
 *   $XDG_RUNTIME_DIR/bulkhead/admin.sock    not for root
 *   /run/bulkhead/admin.sock
 *   /tmp/bulkhead-UID/admin.sock
 *
 * The directory is private (0700) and belongs to the system's user; under root,
 * to the unprivileged user as whom the admin process runs.
 */
#ifndef BH_TOOLS_PLACE_H
#define BH_TOOLS_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
	BH_PLACES = 3,
	BH_PLACE_BYTES = 108, /* of a path, as sockaddr_un has room for */
};

#define BH_PLACE_SOCKET "admin.sock"

/* Fills @dirs with the directories to try, best first; returns how many. */
int bh_place_dirs(char dirs[BH_PLACES][BH_PLACE_BYTES]);

/* The path of an ipc:// URL. -EINVAL: it is not one, or the path is relative;
 * -ENAMETOOLONG. */
int bh_place_path(const char *url, char path[BH_PLACE_BYTES]);

/* The unprivileged user and group that root's admin process becomes. False: this
 * machine has none. */
bool bh_place_nobody(uid_t *uid, gid_t *gid);

/* True if @dir is a directory, private, and ours (or, for root, nobody's): no
 * other user can have put a socket there. */
bool bh_place_is_private(const char *dir);

/* Connects to the socket @path and hangs up. 0: somebody listens; -ENOENT,
 * -ECONNREFUSED: nobody does; -EACCES: not for this user. */
int bh_place_probe(const char *path);

#endif
