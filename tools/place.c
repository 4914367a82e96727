/* SPDX-License-Identifier: MIT */
#include "tools/place.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int bh_place_dirs(char dirs[BH_PLACES][BH_PLACE_BYTES])
{
	const char *xdg = getenv("XDG_RUNTIME_DIR"), *runtime = getenv("RUNTIME_DIRECTORY");
	/* The socket's name must fit behind it. */
	size_t room = BH_PLACE_BYTES - sizeof("/bulkhead/" BH_PLACE_SOCKET);
	size_t len = runtime ? strcspn(runtime, ":") : 0; /* the first of several */
	int n = 0;

	if (len && runtime[0] == '/' && len < room)
		snprintf(dirs[n++], BH_PLACE_BYTES, "%.*s", (int)len, runtime);
	/* Not for root: sudo may have kept the calling user's XDG_RUNTIME_DIR. */
	if (geteuid() && xdg && xdg[0] == '/' && strlen(xdg) < room)
		snprintf(dirs[n++], BH_PLACE_BYTES, "%.*s/bulkhead", (int)room, xdg);
	snprintf(dirs[n++], BH_PLACE_BYTES, "/run/bulkhead");
	snprintf(dirs[n++], BH_PLACE_BYTES, "/tmp/bulkhead-%u", (unsigned)geteuid());
	return n;
}

int bh_place_path(const char *url, char path[BH_PLACE_BYTES])
{
	static const char scheme[] = "ipc://";
	size_t n = sizeof(scheme) - 1;

	if (strncmp(url, scheme, n) || url[n] != '/' || url[strlen(url) - 1] == '/')
		return -EINVAL;
	if (strlen(url + n) >= BH_PLACE_BYTES)
		return -ENAMETOOLONG;
	strcpy(path, url + n);
	return 0;
}

bool bh_place_nobody(uid_t *uid, gid_t *gid)
{
	const struct passwd *p = getpwnam("nobody");

	if (!p || !p->pw_uid)
		return false;
	*uid = p->pw_uid;
	*gid = p->pw_gid;
	return true;
}

enum bh_place_owner bh_place_owner_of(const char *dir)
{
	struct stat st;
	uid_t uid;
	gid_t gid;

	if (lstat(dir, &st) || !S_ISDIR(st.st_mode) || (st.st_mode & 022))
		return BH_PLACE_FOREIGN;
	if (st.st_uid == geteuid())
		return st.st_mode & 055 ? BH_PLACE_SHARED : BH_PLACE_PRIVATE;
	return !(st.st_mode & 055) && !geteuid() && bh_place_nobody(&uid, &gid) &&
			       st.st_uid == uid ?
		       BH_PLACE_PRIVATE :
		       BH_PLACE_FOREIGN;
}

int bh_place_try(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	memcpy(a.sun_path, path, strnlen(path, sizeof(a.sun_path)));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
		err = -errno;
	close(fd);
	/* The path is no socket: no server listens. */
	return err == -ENOTSOCK || err == -ENOTDIR ? -ECONNREFUSED : err;
}
