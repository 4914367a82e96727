/* SPDX-License-Identifier: MIT */
/*
 * place.h: the default places of a system's admin endpoint: `bulkhead
 * run` makes it there, bhctl looks for it there.
 *
 *   $RUNTIME_DIRECTORY/admin.sock           a service manager's (RuntimeDirectory=)
 *   $XDG_RUNTIME_DIR/bulkhead/admin.sock    not for root
 *   /run/bulkhead/admin.sock
 *   /tmp/bulkhead-UID/admin.sock
 *
 * A directory that the system makes is private (0700) and belongs to its user; under
 * root, to the unprivileged user of the admin process. A directory made by a service
 * manager may be open to readers (0755): the socket is private by itself.
 */
#ifndef BH_TOOLS_PLACE_H
#define BH_TOOLS_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
	BH_PLACES = 4,
	BH_PLACE_BYTES = 108, /* of a path, as sockaddr_un has room for */
};

#define BH_PLACE_SOCKET "admin.sock"

/* Fills @dirs with the directories to try, best first; returns how many. */
int bh_place_dirs(char dirs[BH_PLACES][BH_PLACE_BYTES]);

/* The path of an ipc:// URL. -EINVAL: @url is no ipc:// URL, or its path is relative;
 * -ENAMETOOLONG. */
int bh_place_path(const char *url, char path[BH_PLACE_BYTES]);

/* The unprivileged user and group that root's admin process becomes. False: this
 * machine has none. */
bool bh_place_nobody(uid_t *uid, gid_t *gid);

/* The owner of a directory: tells which users can have put a socket there. */
enum bh_place_owner {
	BH_PLACE_FOREIGN = 0, /* another user's, or writable by others, or no directory */
	BH_PLACE_PRIVATE,     /* ours (or, for root, user nobody's), and closed to others */
	BH_PLACE_SHARED,      /* ours, and others may look in */
};
enum bh_place_owner bh_place_owner_of(const char *dir);

/* Connects to the socket @path and hangs up. 0: a server listens; -ENOENT,
 * -ECONNREFUSED: none does; -EACCES: not for this user. */
int bh_place_try(const char *path);

#endif
