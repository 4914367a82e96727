/* SPDX-License-Identifier: MIT */
/* test_log.c: log.h: what a line is, and that none is waited for. The service's stderr is a
 * pipe of the test's meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime.h"

struct log {
	int in, fill, stderr_before;
};

static void begin(struct log *l)
{
	char path[40];
	int fd[2];

	CHECK(pipe2(fd, O_CLOEXEC) == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd[1]);
	l->fill = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	l->in = fd[0];
	l->stderr_before = dup(STDERR_FILENO);
	CHECK(l->fill >= 0 && fcntl(l->in, F_SETFL, O_NONBLOCK) == 0);
	CHECK(dup2(fd[1], STDERR_FILENO) == STDERR_FILENO);
	close(fd[1]);
}

static void restore(struct log *l)
{
	CHECK(dup2(l->stderr_before, STDERR_FILENO) == STDERR_FILENO);
	close(l->stderr_before);
}

static void end(struct log *l)
{
	close(l->in);
	close(l->fill);
}

static size_t all(const struct log *l, char *text, size_t size)
{
	size_t n = 0;
	ssize_t got;

	while (n < size - 1 && (got = read(l->in, text + n, size - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	return n;
}

static void expect(const char *text, const char *pattern)
{
	regex_t re;

	CHECK(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) == 0);
	if (regexec(&re, text, 0, NULL, 0))
		fprintf(stderr, "this: %s\nis no: %s\n", text, pattern);
	CHECK(regexec(&re, text, 0, NULL, 0) == 0);
	regfree(&re);
}

#define FRONT                                                                 \
	"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z " \
	"log\\[[a-z_]+ 0x[0-9a-f]+\\]: "

TEST(a_line_says_when_and_who)
{
	char text[8192], longer[3000];
	struct bh_field fields[] = { { "id", NULL, -7 },
				     { "name", "A \"B\"\n", 0 },
				     { "plain", "x", 0 },
				     { "none", "", 0 } };
	struct log l;

	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	begin(&l);
	errno = EBADE;
	bh_log(BH_LOG_ERROR, "two\nlines of %d", 1);
	CHECK(errno == EBADE);
	all(&l, text, sizeof(text));
	restore(&l);
	end(&l);
	expect(text, FRONT "error: two\\\\nlines of 1 worker=0\n$");
	begin(&l);
	bh_log_fields(BH_LOG_INFO, fields, 4, "taken");
	all(&l, text, sizeof(text));
	restore(&l);
	end(&l);
	expect(text, FRONT
	       "info: taken id=-7 name=\"A \\\\\"B\\\\\"\\\\n\" plain=x none=\"\" worker=0\n$");
	begin(&l);
	bh_log(BH_LOG_WARNING, "%s", longer);
	CHECK(all(&l, text, sizeof(text)) <= 1024);
	restore(&l);
	end(&l);
	expect(text, FRONT "warning: x+ worker=0\n$");
}

TEST(nobody_is_waited_for_and_what_is_left_out_is_counted)
{
	static char junk[1 << 16];
	char text[8192];
	struct log l;

	begin(&l);
	while (write(l.fill, junk, sizeof(junk)) > 0)
		;
	while (write(l.fill, junk, 1) > 0)
		;
	bh_log(BH_LOG_INFO, "one");
	bh_log(BH_LOG_INFO, "two");
	while (read(l.in, junk, sizeof(junk)) > 0)
		;
	bh_log(BH_LOG_INFO, "three");
	bh_log(BH_LOG_INFO, "four");
	all(&l, text, sizeof(text));
	restore(&l);
	expect(text, FRONT "info: three worker=0 left_out=2\n");
	expect(strchr(text, '\n') + 1, FRONT "info: four worker=0\n$");
	end(&l);
}

TEST(a_flood_is_cut_and_counted)
{
	static char text[1 << 16];
	struct log l;
	int lines = 0;

	begin(&l);
	for (int i = 0; i < 400; i++)
		bh_log(BH_LOG_INFO, "flood");
	all(&l, text, sizeof(text));
	restore(&l);
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		lines++;
	CHECK(lines > 0 && lines < 400);
	EVENTUALLY((begin(&l), bh_log(BH_LOG_INFO, "over"), all(&l, text, sizeof(text)),
		    restore(&l), end(&l), *text));
	expect(text, FRONT "info: over worker=0 left_out=[0-9]+\n$");
}

RUNTIME_MAIN("log")
