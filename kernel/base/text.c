/* SPDX-License-Identifier: MIT */
/* text.c: see text.h. */
#include "kernel/base/text.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

void bh_type_name(const struct bh_ksvc *s, uint32_t type, char out[static 40])
{
	memcpy(out, s->v.types[type % BH_TYPES].name, 40);
	out[39] = '\0';
	/* It goes to people's terminals. */
	for (char *c = out; *c; c++)
		if ((unsigned char)*c < 32 || *c == 127)
			*c = '?';
}

const char *bh_error_text(int64_t value)
{
	const char *text = value < 0 && value > -4096 ? strerrordesc_np((int)-value) : NULL;

	return text ? text : "no error of the system";
}

static void signal_name(int sig, char *out, size_t size)
{
	const char *abbrev = sigabbrev_np(sig);

	if (abbrev)
		snprintf(out, size, "SIG%s", abbrev);
	else
		snprintf(out, size, "signal %d", sig);
}

const char *bh_death_text(int status, char buf[static 40])
{
	char name[24];

	if (WIFSIGNALED(status)) {
		signal_name(WTERMSIG(status), name, sizeof(name));
		snprintf(buf, 40, "died of %s", name);
	} else {
		snprintf(buf, 40, "ended with exit code %d", WEXITSTATUS(status));
	}
	return buf;
}
