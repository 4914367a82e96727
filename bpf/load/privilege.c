/* SPDX-License-Identifier: MIT */
#include "bpf/load/privilege.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct sets {
	struct __user_cap_header_struct header;
	struct __user_cap_data_struct half[2];
};

static int get(struct sets *s)
{
	*s = (struct sets){ .header = { .version = _LINUX_CAPABILITY_VERSION_3 } };
	return syscall(SYS_capget, &s->header, s->half) < 0 ? -errno : 0;
}

static uint64_t joined(uint32_t low, uint32_t high)
{
	return (uint64_t)high << 32 | low;
}

uint64_t bh_privilege_effective(void)
{
	struct sets s;

	return get(&s) < 0 ? 0 : joined(s.half[0].effective, s.half[1].effective);
}

int bh_privilege_set(uint64_t effective, uint64_t permitted)
{
	struct sets s = { .header = { .version = _LINUX_CAPABILITY_VERSION_3 } };

	for (int i = 0; i < 2; i++) {
		s.half[i].effective = (uint32_t)(effective >> (32 * i));
		s.half[i].permitted = (uint32_t)(permitted >> (32 * i));
	}
	return syscall(SYS_capset, &s.header, s.half) < 0 ? -errno : 0;
}

/* Without CAP_SETPCAP the bounding set cannot be changed; it then grants nothing either:
 * no_new_privs keeps exec() from adding capabilities. */
static int shrink_bounding(uint64_t caps)
{
	if (!(bh_privilege_effective() & BH_CAP(CAP_SETPCAP)))
		return 0;
	for (unsigned long c = 0; c < 64 && prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
		if (!(caps & BH_CAP(c)) && prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0)
			return -errno;
	return 0;
}

int bh_privilege_keep(uint64_t caps)
{
	struct sets s;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	int err = shrink_bounding(caps);
	if (err < 0)
		return err;
	/* Kernels before 4.3 have no ambient set to clear. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return -errno;
	err = get(&s);
	if (err < 0)
		return err;
	caps &= joined(s.half[0].permitted, s.half[1].permitted);
	return bh_privilege_set(caps, caps);
}
