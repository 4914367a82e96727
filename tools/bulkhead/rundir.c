/* SPDX-License-Identifier: MIT */
#include "tools/bulkhead/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/place.h"

/* Above the places that the kernel and its children give to descriptors. */
#define FIRST_FD 64

#define RETRIES 10

static bool is_same(int fd, const char *dir)
{
	struct stat a, b;

	return !fstat(fd, &a) && !lstat(dir, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Makes @dir, or reuses the directory of a killed system, and locks it. The lock stays
 * open; a system that ends may remove the directory between our steps. */
static int take_dir(const char *dir)
{
	for (int i = 0; i < RETRIES; i++) {
		if (mkdir(dir, 0700) && errno != EEXIST)
			return -errno;
		if (!bh_place_owner_of(dir))
			return -EPERM;
		int low = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (low < 0 && errno == ENOENT)
			continue;
		int fd = low < 0 ? -1 : fcntl(low, F_DUPFD, FIRST_FD);
		int err = fd < 0 ? -errno : 0;
		if (low >= 0)
			close(low);
		if (err)
			return err;
		if (flock(fd, LOCK_EX | LOCK_NB))
			err = errno == EWOULDBLOCK ? -EEXIST : -errno;
		else if (is_same(fd, dir))
			return fd;
		close(fd);
		if (err)
			return err;
	}
	return -EBUSY;
}

/* True if any user can get to @dir. */
static bool is_reachable(const char *dir)
{
	char above[BH_PLACE_BYTES];
	struct stat st;
	char *slash;

	snprintf(above, sizeof(above), "%s", dir);
	while ((slash = strrchr(above, '/')) && slash != above) {
		*slash = '\0';
		if (stat(above, &st) || !(st.st_mode & S_IXOTH))
			return false;
	}
	return true;
}

/* True if a child of this process can take on another user's identity: tried out, for
 * it takes capabilities, a mapping of that user, and setgroups() being allowed. */
static bool may_become(uid_t uid, gid_t gid)
{
	int status = 1;
	pid_t pid = fork();

	if (!pid)
		_exit(setgroups(0, NULL) || setgid(gid) || setuid(uid));
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

/* Gives @dir to the unprivileged user of the admin process, which makes its socket there. If
 * that user cannot reach @dir, or root cannot change owners (a container that maps no other
 * user, or has dropped these capabilities), admind stays root until the socket is made. */
static int hand_over(struct bh_plan *plan, const char *dir, int fd)
{
	uid_t uid;
	gid_t gid;

	if (geteuid() || !is_reachable(dir) || !bh_place_nobody(&uid, &gid))
		return 0;
	if (fchown(fd, uid, gid))
		return errno == EPERM || errno == EINVAL ? 0 : -errno;
	if (!may_become(uid, gid))
		return fchown(fd, 0, (gid_t)-1) ? -errno : 0;
	plan->unpriv_uid = uid;
	plan->unpriv_gid = gid;
	return 0;
}

/* A service manager's directory is left as it was, but for the socket. */
static int use_dir(struct bh_plan *plan, const char *dir)
{
	int fd = take_dir(dir), err = fd < 0 ? fd : 0;
	bool ours = !err && bh_place_owner_of(dir) == BH_PLACE_PRIVATE;

	if (ours)
		err = hand_over(plan, dir, fd);
	if (err)
		return err;
	plan->lock_fd = fd;
	if (ours)
		snprintf(plan->rundir, sizeof(plan->rundir), "%s", dir);
	return 0;
}

static bool is_in_use(const char *url)
{
	char path[BH_PLACE_BYTES];

	return !bh_place_path(url, path) && !bh_place_try(path);
}

static int default_place(struct bh_plan *plan, char why[BH_RUNDIR_WHY])
{
	char dirs[BH_PLACES][BH_PLACE_BYTES];
	int n = bh_place_dirs(dirs), err = 0;
	size_t at = 0;

	for (int i = 0; i < n; i++) {
		snprintf(plan->admin_url, sizeof(plan->admin_url), "ipc://%.*s/%s", BH_PLACE_BYTES,
			 dirs[i], BH_PLACE_SOCKET);
		err = is_in_use(plan->admin_url) ? -EEXIST : use_dir(plan, dirs[i]);
		if (!err)
			return 0;
		if (err == -EEXIST)
			break;
		at += (size_t)snprintf(why + at, BH_RUNDIR_WHY - at, "%s%s: %s",
				       at ? "; " : "no directory for the admin endpoint: ", dirs[i],
				       err == -EPERM ?
					       "others may write there, or it is another user's" :
					       strerror(-err));
	}
	snprintf(why + at, BH_RUNDIR_WHY - at, "; choose an endpoint elsewhere with --admin");
	return err;
}

/* A directory that the system did not make. */
static int look_around(const char *path, const char *dir, char why[BH_RUNDIR_WHY])
{
	struct stat st;
	int err;

	if (stat(dir, &st) || !S_ISDIR(st.st_mode) || access(dir, W_OK | X_OK)) {
		err = S_ISDIR(st.st_mode) ? -errno : -ENOTDIR;
		snprintf(why, BH_RUNDIR_WHY, "cannot make the admin endpoint in %s: %s", dir,
			 strerror(-err));
		return err;
	}
	if (!lstat(path, &st) && !S_ISSOCK(st.st_mode)) {
		snprintf(why, BH_RUNDIR_WHY,
			 "cannot make the admin endpoint %s: a file that is no socket is there",
			 path);
		return -ENOTSOCK;
	}
	return 0;
}

static int given_place(struct bh_plan *plan, const char *url, char why[BH_RUNDIR_WHY])
{
	char path[BH_PLACE_BYTES], dir[BH_PLACE_BYTES];
	struct stat st;
	int err = bh_place_path(url, path);

	if (err) {
		snprintf(why, BH_RUNDIR_WHY,
			 "%.200s cannot be the admin endpoint: it must be ipc:// and an absolute "
			 "path of at most %d bytes",
			 url, BH_PLACE_BYTES - 1);
		return err;
	}
	snprintf(plan->admin_url, sizeof(plan->admin_url), "%s", url);
	strcpy(dir, path);
	*strrchr(dir, '/') = '\0';
	if (!dir[0])
		strcpy(dir, "/");
	if (is_in_use(url))
		return -EEXIST;
	if (!stat(dir, &st))
		return look_around(path, dir, why);
	err = use_dir(plan, dir);
	if (err && err != -EEXIST)
		snprintf(why, BH_RUNDIR_WHY,
			 "cannot make the directory %s for the admin endpoint: %s", dir,
			 strerror(-err));
	return err;
}

int bh_rundir_make(struct bh_plan *plan, const char *url, char why[BH_RUNDIR_WHY])
{
	int err;

	plan->rundir[0] = '\0';
	plan->unpriv_uid = plan->unpriv_gid = UINT32_MAX;
	err = url ? given_place(plan, url, why) : default_place(plan, why);
	if (err == -EEXIST)
		snprintf(why, BH_RUNDIR_WHY,
			 "a system runs already at %s; stop it (bhctl stop), or choose another "
			 "endpoint with --admin",
			 plan->admin_url);
	return err;
}

void bh_rundir_undo(const struct bh_plan *plan)
{
	if (plan->rundir[0])
		rmdir(plan->rundir);
}
