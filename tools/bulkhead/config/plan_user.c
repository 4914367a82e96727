/* SPDX-License-Identifier: MIT */
#include "tools/bulkhead/config/plan_user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/bulkhead/config/value.h"

/* UINT32_MAX means "stays as it is" to Linux, too. */
static bool is_id(const char *text, uint32_t *id)
{
	uint64_t n;

	if (!bh_value_number(text, &n) || n >= UINT32_MAX)
		return false;
	*id = (uint32_t)n;
	return true;
}

/* Names first: they may be digits. False: there is no such user. */
static bool find_user(struct bh_plan_user *u, const char *text)
{
	const struct passwd *p = getpwnam(text);

	if (!p && is_id(text, &u->uid))
		p = getpwuid(u->uid);
	else if (!p)
		return false;
	if (!p) {
		u->gid = u->uid;
		strcpy(u->home, "/");
		return true;
	}
	u->uid = p->pw_uid;
	u->gid = p->pw_gid;
	snprintf(u->name, sizeof(u->name), "%s", p->pw_name);
	snprintf(u->home, sizeof(u->home), "%s", p->pw_dir && p->pw_dir[0] ? p->pw_dir : "/");
	snprintf(u->shell, sizeof(u->shell), "%s", p->pw_shell ? p->pw_shell : "");
	return true;
}

static bool find_group(uint32_t *gid, const char *text)
{
	const struct group *g = getgrnam(text);

	if (g)
		*gid = g->gr_gid;
	return g || is_id(text, gid);
}

static bool find_groups(struct bh_plan_user *u)
{
	int n = BH_PLAN_GROUPS;

	if (!u->name[0])
		return true;
	if (getgrouplist(u->name, u->gid, u->groups, &n) < 0)
		return false;
	u->n_groups = (uint32_t)n;
	return true;
}

int bh_plan_user_find(struct bh_plan_user *u, const char *text, char why[BH_PLAN_USER_WHY])
{
	char user[128] = "", *group;

	*u = (struct bh_plan_user){ .uid = UINT32_MAX, .gid = UINT32_MAX };
	if (!text)
		return 0;
	snprintf(user, sizeof(user), "%s", text);
	group = strchr(user, ':');
	if (group)
		*group++ = '\0';
	if (!find_user(u, user)) {
		snprintf(why, BH_PLAN_USER_WHY, "there is no user %s on this machine", user);
		return -EINVAL;
	}
	if (group && !find_group(&u->gid, group)) {
		snprintf(why, BH_PLAN_USER_WHY, "there is no group %s on this machine", group);
		return -EINVAL;
	}
	if (u->uid == geteuid() && (!group || u->gid == getegid())) {
		u->uid = u->gid = UINT32_MAX;
		return 0;
	}
	if (geteuid()) {
		snprintf(why, BH_PLAN_USER_WHY, "only root can run a service as another user (%s)",
			 text);
		return -EPERM;
	}
	if (!find_groups(u)) {
		snprintf(why, BH_PLAN_USER_WHY, "the user %s is in more than %d groups", user,
			 BH_PLAN_GROUPS);
		return -E2BIG;
	}
	return 0;
}
