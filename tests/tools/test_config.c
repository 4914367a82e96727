/* SPDX-License-Identifier: MIT */
/*
 * What a configuration may say, what it is told when it says something else, and
 * that no bytes whatever crash or hang its reader. BH_SEED repeats the random
 * part.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/check_run.h"
#include "tools/bulkhead/config/config.h"
#include "tools/bulkhead/config/plan_make.h"
#include "tools/bulkhead/config/value.h"

/* A module is any file that can be read; bulkhead does not look into it. */
#define S "services:\n  - name: a\n    module: /bin/sh\n"

static uint64_t random_state;

static uint32_t rnd(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % below;
}

static void seed_random(void)
{
	const char *seed = getenv("BH_SEED");

	random_state = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL) * 2654435761u + 1;
	if (!random_state)
		random_state = 1;
	printf("BH_SEED=%llu\n", (unsigned long long)random_state);
}

/* Parses and plans; the fault's text ("" for none) is in @f. */
static bool try_text(const char *text, size_t n, const struct bh_run_options *o,
		     struct bh_plan *plan, struct bh_fault *f)
{
	static const struct bh_run_options none = { 0 };
	struct bh_config c;
	int err;

	*f = (struct bh_fault){ .file = "t.yaml" };
	err = bh_config_parse(&c, text, n, f);
	if (!err)
		err = bh_plan_make(plan, &c, o ? o : &none, f);
	ck_assert_msg(err == 0 || err == -EINVAL, "%d", err);
	ck_assert_msg(!err == !f->text[0], "%d with the text \"%s\"", err, f->text);
	bh_config_free(&c);
	return !err;
}

static struct bh_plan *good(const char *text, const struct bh_run_options *o)
{
	static struct bh_plan plan;
	struct bh_fault f;

	ck_assert_msg(try_text(text, strlen(text), o, &plan, &f), "%s\n%s", f.text, text);
	return &plan;
}

static void bad(const char *text, const char *where, const char *what)
{
	struct bh_plan plan;
	struct bh_fault f;
	char head[64];

	ck_assert_msg(!try_text(text, strlen(text), NULL, &plan, &f), "accepted:\n%s", text);
	snprintf(head, sizeof(head), "t.yaml:%s ", where);
	ck_assert_msg(!strncmp(f.text, head, strlen(head)), "not at %s: %s\n%s", where, f.text,
		      text);
	ck_assert_msg(strstr(f.text, what), "does not say \"%s\": %s", what, f.text);
	ck_assert_msg(!strchr(f.text, '\n'), "more than a line: %s", f.text);
}

START_TEST(every_key_reaches_the_plan)
{
	const struct bh_plan *p = good(
		"admin: ipc:///tmp/x/a.sock\nstrategy: rest_for_one\ngrace: 2s\ntrace: false\n"
		"services:\n"
		"  - name: a\n    module: /bin/sh\n    workers: 3\n"
		"    listen: [\"127.0.0.1:0\", \"[::1]:81\"]\n"
		"    limits: {tasks: 100, io: 200, memory: 64M}\n"
		"    crash: {intensity: 0, period: 1m, exempt: [x.y, z]}\n"
		"    blocking: {max: 3, keep_alive: 2s}\n"
		"    start: {timeout: 2m}\n"
		"    restart: {intensity: 7, period: 1h, backoff_min: 5, backoff_max: 6ms}\n"
		"    hang: {report_after: 3s, kill_after: 1m}\n"
		"    hog: {after: 250ms, action: kill}\n"
		"    core: none\n"
		"    scheduler: {inject_interval: 61, event_interval: 7, budget: 64, lifo: 2,\n"
		"                seed: 9, spin: 20us}\n"
		"    options: {k: v, empty: '', n: 12, quoted: \"a b\"}\n"
		"  - name: b\n    module: /bin/sh\n",
		NULL);
	const struct bh_plan_service *s = &p->services[0];

	ck_assert_uint_eq(p->magic, BH_PLAN_MAGIC);
	ck_assert_uint_eq(p->strategy, BH_REST_FOR_ONE);
	ck_assert_uint_eq(p->grace_ms, 2000);
	ck_assert_uint_eq(p->trace, 0);
	ck_assert_uint_eq(p->admin, 1);
	ck_assert_uint_eq(p->n_services, 2);
	ck_assert_str_eq(s->name, "a");
	ck_assert_uint_eq(s->workers, 3);
	ck_assert_uint_eq(s->n_listen, 2);
	ck_assert_str_eq(s->listen[1].address, "[::1]:81");
	ck_assert_uint_eq(s->max_tasks, 100);
	ck_assert_uint_eq(s->max_io, 200);
	ck_assert_uint_eq(s->max_memory, 64u << 20);
	/* Without a limit of its own, each socket may have a stack, and there is as much more. */
	ck_assert_uint_ge(p->services[1].max_memory * 7 / 8,
			  p->services[1].max_io * (64ull << 10) + (7u << 27));
	ck_assert_uint_eq(s->crash_intensity, 0);
	ck_assert_uint_eq(s->crash_period_ms, 60000);
	ck_assert_str_eq(s->crash_exempt, "x.y\nz");
	ck_assert_uint_eq(s->start_timeout_ms, 120000);
	ck_assert_uint_eq(p->services[1].start_timeout_ms, 90000);
	ck_assert_uint_eq(s->restart_intensity, 7);
	ck_assert_uint_eq(s->restart_period_ms, 3600000);
	ck_assert_uint_eq(s->backoff_min_ms, 5);
	ck_assert_uint_eq(s->backoff_max_ms, 6);
	ck_assert_uint_eq(s->hang_report_ms, 3000);
	ck_assert_uint_eq(s->hang_kill_ms, 60000);
	ck_assert_uint_eq(s->hog_after_ms, 250);
	ck_assert_uint_eq(s->hog_action, BH_HOG_KILL);
	ck_assert_uint_eq(s->core, BH_CORE_NONE);
	ck_assert_uint_eq(s->inject_interval, 61);
	ck_assert_uint_eq(s->event_interval, 7);
	ck_assert_uint_eq(s->budget, 64);
	ck_assert_uint_eq(s->lifo_max, 2);
	ck_assert_uint_eq(s->seed, 9);
	ck_assert_uint_eq(s->spin_us, 20);
	ck_assert_uint_eq(s->blocking_max, 3);
	ck_assert_uint_eq(s->blocking_keep_ms, 2000);
	ck_assert_uint_eq(s->n_options, 4);
	ck_assert_str_eq(s->options[1].value, "");
	ck_assert_str_eq(s->options[3].value, "a b");
	ck_assert(strstr(s->host, "/bulkhead-host"));
	ck_assert_uint_eq(s->user.uid, UINT32_MAX);
}
END_TEST

START_TEST(what_is_left_out_has_its_default)
{
	const struct bh_plan *p = good(S, NULL);
	const struct bh_plan_service *s = &p->services[0];

	ck_assert_uint_eq(p->strategy, BH_ONE_FOR_ONE);
	ck_assert_uint_eq(p->trace, 1);
	ck_assert_uint_ge(s->workers, 1);
	ck_assert_uint_eq(s->crash_intensity, 5);
	ck_assert_uint_eq(s->crash_period_ms, 10000);
	ck_assert_uint_eq(s->restart_intensity, 3);
	ck_assert_uint_eq(s->restart_period_ms, 5000);
	ck_assert_uint_le(s->backoff_min_ms, s->backoff_max_ms);
	ck_assert_uint_eq(s->n_listen, 0);
	/* One bound alone takes the other one's default along. */
	p = good(S "    restart: {backoff_min: 1m}\n", NULL);
	ck_assert_uint_eq(p->services[0].backoff_max_ms, 60000);
	p = good(S "    restart: {backoff_max: 1}\n", NULL);
	ck_assert_uint_eq(p->services[0].backoff_min_ms, 1);
}
END_TEST

/* A path, or a name, of 107 bytes with what begins it, and of one more. */
#define TEN     "0123456789"
#define LONGEST TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "012345"
#define LONG    LONGEST "6"

START_TEST(options_win)
{
	struct bh_run_options o = { .workers = 7, .listen = { ":99", "h:1" }, .n_listen = 2 };
	const struct bh_plan *p =
		good("services:\n"
		     "  - {name: a, module: /bin/sh, workers: 2, listen: [':1']}\n"
		     "  - {name: b, module: /bin/sh, listen: [':2']}\n",
		     &o);

	ck_assert_uint_eq(p->services[0].workers, 7);
	ck_assert_uint_eq(p->services[1].workers, 7);
	ck_assert_uint_eq(p->services[0].n_listen, 2);
	ck_assert_str_eq(p->services[0].listen[0].address, ":99");
	ck_assert_str_eq(p->services[1].listen[0].address, ":2");
}
END_TEST

START_TEST(unix_sockets_have_room)
{
	const char *longest = "unix:/" LONGEST;
	struct bh_run_options o = { .listen = { longest }, .n_listen = 1 };
	const struct bh_plan *p =
		good(S "    listen: [\"unix:/run/a b:80\", \"unix:@a/b\", \"unix:/" LONGEST "\"]\n",
		     NULL);

	ck_assert_uint_eq(p->services[0].n_listen, 3);
	ck_assert_str_eq(p->services[0].listen[0].address, "unix:/run/a b:80");
	ck_assert_str_eq(p->services[0].listen[1].address, "unix:@a/b");
	ck_assert_str_eq(p->services[0].listen[2].address, longest);
	p = good(S, &o);
	ck_assert_str_eq(p->services[0].listen[0].address, longest);
}
END_TEST

START_TEST(linked_in_services_need_no_module)
{
	struct bh_run_options o = { .host = "/bin/sh", .linked = { "a", "b" }, .n_linked = 2 };
	struct bh_fault f = { 0 };
	struct bh_config c;
	struct bh_plan p;

	ck_assert_int_eq(bh_config_linked(&c, &o, &f), 0);
	ck_assert_msg(bh_plan_make(&p, &c, &o, &f) == 0, "%s", f.text);
	ck_assert_uint_eq(p.n_services, 2);
	ck_assert_str_eq(p.services[1].name, "b");
	ck_assert_str_eq(p.services[0].module, "");
	ck_assert_str_ne(p.services[0].host, "");
	bh_config_free(&c);
	f.text[0] = '\0';
	ck_assert(!try_text("services: [{name: c}]", 21, &o, &p, &f));
	ck_assert_msg(strstr(f.text, "t.yaml:1:12: "), "%s", f.text);
}
END_TEST

static const struct {
	const char *text, *where, *what;
} faults[] = {
	/* keys */
	{ S "    wrkers: 3\n", "4:5:", "did you mean 'workers'? known here: name, module" },
	{ S "    max-workers: 3\n", "4:5:", "did you mean 'max_workers'?" },
	{ S "    cores: all\n", "4:5:", "unknown key 'cores'; did you mean 'core'?" },
	{ S "    threads: 3\n", "4:5:", "unknown key 'threads'; known here" },
	{ S "    restart: {backof_max: 1}\n", "4:15:", "did you mean 'backoff_max'?" },
	{ "servces: []\n", "1:1:", "did you mean 'services'?" },
	{ "service: []\n", "1:1:", "unknown key 'service'" },
	{ S "    limits: {task: 3}\n", "4:14:", "known here: tasks, io, memory" },
	{ S "    name: b\n", "4:5:", "twice" },
	{ S "    options: {a: 1, a: 2}\n", "4:21:", "twice" },
	{ "grace: 1s\n", "1:1:", "'services' is missing" },
	{ "services:\n  - workers: 3\n", "2:5:", "'name' is missing" },
	{ "? [a]\n: b\n", "1:3:", "a key must be a word" },
	/* shapes */
	{ "[]", "1:1:", "expected a mapping" },
	{ "x", "1:1:", "expected a mapping" },
	{ "services: 3\n", "1:11:", "expected a sequence" },
	{ "services: []\n", "1:11:", "at least 1" },
	{ "services: [3]\n", "1:12:", "expected a mapping" },
	{ S "    workers: [1]\n", "4:14:", "whole number from 1 to 64, not a sequence" },
	{ S "    listen: 127.0.0.1:80\n", "4:13:", "expected a sequence" },
	{ S "    listen: [{a: b}]\n", "4:14:", "expected HOST:PORT" },
	{ S "    crash: {exempt: [a, {b: c}]}\n", "4:25:", "not a mapping" },
	{ S "    options: [a]\n", "4:14:", "expected a mapping" },
	{ S "    options: {a: [b]}\n", "4:18:", "expected a text" },
	{ S "    listen: [':1',':2',':3',':4',':5',':6',':7',':8',':9']\n",
	  "4:54:", "more than 8" },
	/* values */
	{ S "    workers: 0\n", "4:14:", "from 1 to 64, not '0'" },
	{ S "    workers: 65\n", "4:14:", "from 1 to 64" },
	{ S "    workers: -1\n", "4:14:", "from 1 to 64" },
	{ S "    workers: 99999999999999999999\n", "4:14:", "from 1 to 64" },
	{ S "    workers: 4\n    max_workers: 3\n", "5:18:", "less than workers (4)" },
	{ S "    max_workers: 65\n", "4:18:", "from 1 to 64" },
	{ S "    workers: 010\n", "4:14:", "from 1 to 64" },
	{ S "    workers: 1.5\n", "4:14:", "from 1 to 64" },
	{ S "    workers: two\n", "4:14:", "not 'two'" },
	{ S "    workers:\n", "4:13:", "not ''" },
	{ S "    limits: {memory: 1K}\n", "4:22:", "a size from 16M to 1T" },
	{ S "    limits: {memory: 64MB}\n", "4:22:", "a size" },
	{ S "    limits: {io: 0}\n", "4:18:", "whole number" },
	{ S "    scheduler: {budget: 0}\n", "4:25:", "from 1 to 1000000" },
	{ S "    scheduler: {spin: 2ms}\n", "4:23:", "auto, 0, or a time up to 1000us" },
	{ S "    scheduler: {spin: often}\n", "4:23:", "not 'often'" },
	{ S "    scheduler: {steal: 1}\n", "4:17:", "known here: inject_interval" },
	{ S "    scheduler: {event_interval: 0}\n", "4:33:", "1 to 1000000" },
	{ S "    crash: {period: 0}\n", "4:21:", "a time from 1ms" },
	{ S "    crash: {period: 1d}\n", "4:21:", "a time" },
	{ S "    listen: [\"1.2.3.4\"]\n", "4:14:", "HOST:PORT" },
	{ S "    listen: [\"::1:80\"]\n", "4:14:", "HOST:PORT" },
	{ S "    listen: [\"127.0.0.1:65536\"]\n", "4:14:", "HOST:PORT" },
	{ S "    listen: [\"127.0.0.1:\"]\n", "4:14:", "HOST:PORT" },
	{ S "    listen: [\"example.org:80\"]\n", "4:14:", "no names but localhost" },
	{ S "    listen: [\":1\", \"unix:x.sock\"]\n", "4:20:", "absolute path" },
	{ S "    listen: [\"unix:\"]\n", "4:14:", "absolute path or @NAME" },
	{ S "    listen: [\"unix:@\"]\n", "4:14:", "not 'unix:@'" },
	{ S "    listen: [\"unix:/a\\nb\"]\n", "4:14:", "absolute path" },
	{ S "    listen: [\"unix:/" LONG "\"]\n", "4:14:", "at most 107 bytes" },
	{ S "    listen: [\"unix:@" LONG "\"]\n", "4:14:", "at most 107 bytes" },
	{ S "    listen: [\"unix:/a\", \"unix:/a\"]\n", "4:25:", "twice" },
	{ S "    listen: [\"localhost:1\",\":2\",\":3\",\":4\",\":5\",\":6\",\":7\",\":8\"]\n",
	  "4:13:", "localhost is two" },
	{ S "trace: yes\n", "4:8:", "true or false" },
	{ S "strategy: all\n", "4:11:", "one_for_one, one_for_all, rest_for_one" },
	{ S "grace: 2h\n", "4:8:", "a time from 0ms to 1h" },
	{ S "admin: tcp://127.0.0.1:1\n", "4:8:", "ipc://" },
	{ S "admin: ipc://relative\n", "4:8:", "absolute path" },
	{ "services:\n  - name: a b\n", "2:11:", "a name" },
	{ "services:\n  - name: ''\n", "2:11:", "a name" },
	{ "services:\n  - name: aaaaaaaaaabbbbbbbbbbccccccccccdd\n", "2:11:", "at most 31" },
	{ S "    options: {\"a b\": 1}\n", "4:15:", "no name" },
	/* what goes together */
	{ S "  - name: a\n    module: /bin/sh\n", "4:11:", "second service" },
	{ S "    listen: [\":1\", \":1\"]\n", "4:20:", "twice" },
	{ S "    listen: [\":1\"]\n  - {name: b, module: /bin/sh, listen: [\":1\"]}\n",
	  "5:41:", "twice" },
	{ S "    blocking: {max: 513}\n", "4:21:", "from 1 to 512" },
	{ S "    blocking: {keep_alive: 0}\n", "4:28:", "from 1ms" },
	{ S "    restart: {backoff_min: 3s, backoff_max: 1s}\n", "4:14:", "longer" },
	{ S "    core: some\n", "4:11:", "task, none, all" },
	{ S "    hog: {action: shout}\n", "4:19:", "report, kill" },
	{ S "    hang: {kill_after: soon}\n", "4:24:", "a time from" },
	{ S "    user: no-such-user-here\n", "4:11:", "there is no user" },
	{ "services:\n  - name: a\n    module: nope.so\n", "3:13:", "lib/bulkhead/nope.so" },
	{ "services:\n  - name: nope\n", "2:5:", "lib/bulkhead/nope.so" },
	{ "services:\n  - name: a\n    module: /bin\n", "3:13:", "not there" },
	/* no YAML */
	{ "services:\n\t- x\n", "2:1:", "not YAML" },
	{ "services: [\n", "2:1:", "not YAML" },
	{ "services: \"a\n", "2:1:", "not YAML" },
	{ "a: \x01\n", "1:4:", "not YAML" },
	{ "a: b\nc: \xff\n", "2:4:", "not YAML" },
	{ "a: \"\\0\"\n", "1:4:", "NUL" },
	{ "\"\\0\": a\n", "1:1:", "NUL" },
	{ "\xef\xbb\xbfservices: []\n", "1:1:", "byte order mark" },
	{ "\xff\xfes\n", "1:1:", "byte order mark" },
	{ "services: &x [*x]\n", "1:15:", "aliases" },
	{ S "---\n" S, "4:1:", "second document" },
};

START_TEST(faults_are_told_with_their_place)
{
	bad(faults[_i].text, faults[_i].where, faults[_i].what);
}
END_TEST

START_TEST(nothing_is_a_fault_of_the_file)
{
	static const char *const nothing[] = { "", "\n", "# a comment\n", "---\n" };

	for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
		struct bh_plan plan;
		struct bh_fault f;

		ck_assert(!try_text(nothing[i], strlen(nothing[i]), NULL, &plan, &f));
		ck_assert_msg(strstr(f.text, "empty") || strstr(f.text, "expected a mapping"), "%s",
			      f.text);
	}
}
END_TEST

START_TEST(what_cannot_be_read_is_said)
{
	static const char *const paths[] = { "/no/such/file.yaml", "/", "/dev/zero", "/dev/null" };
	static const char *const what[] = { "cannot be opened", "cannot be read", "over 256 KiB",
					    "empty" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct bh_fault f = { 0 };
		struct bh_config c;

		ck_assert_int_eq(bh_config_load(&c, paths[i], &f), -EINVAL);
		ck_assert_msg(strstr(f.text, what[i]) && strstr(f.text, paths[i]), "%s", f.text);
		bh_config_free(&c);
	}
}
END_TEST

START_TEST(the_built_in_one_is_right)
{
	struct bh_fault f = { 0 };
	struct bh_config c;

	ck_assert_msg(bh_config_load(&c, NULL, &f) == 0, "%s", f.text);
	const struct bh_yaml_node *s = bh_config_service(&c, 0);

	ck_assert_str_eq(bh_yaml_text(s, "name"), "http");
	ck_assert_str_eq(bh_yaml_text(s, "workers"), "2");
	ck_assert_str_eq(bh_yaml_at(bh_yaml_find(s, "listen"), 0)->value, "127.0.0.1:8080");
	ck_assert_str_eq(bh_yaml_at(bh_yaml_find(s, "crash.exempt"), 0)->value, "http.crash");
	bh_config_free(&c);
}
END_TEST

/* -- too much of everything ---------------------------------------------------- */

/* @head, @n times @again, @tail: refused, and soon. */
static void refuse_repeated(const char *head, const char *again, size_t n, const char *tail)
{
	size_t step = strlen(again), at = strlen(head);
	char *text = malloc(at + n * step + strlen(tail) + 1);
	struct bh_plan plan;
	struct bh_fault f;

	strcpy(text, head);
	for (size_t i = 0; i < n; i++, at += step)
		memcpy(text + at, again, step + 1);
	strcpy(text + at, tail);
	ck_assert_msg(!try_text(text, strlen(text), NULL, &plan, &f), "%s...", head);
	free(text);
}

START_TEST(too_much_is_refused)
{
	static const size_t counts[] = { 50, 5000, 100000 };

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		size_t n = counts[i];

		refuse_repeated("", "[", n, "");
		refuse_repeated("", "{a: ", n / 2, "");
		refuse_repeated("services:\n", "- ", n, "x\n");
		refuse_repeated("a: ", "\"", n, "");
		refuse_repeated("services: [", "{},", n / 2, "]");
		refuse_repeated("services: [", "a: ", n / 2, "");
		refuse_repeated("", "? ", n, "");
		refuse_repeated("", "!!", n, "a");
		refuse_repeated("", "&a ", n / 2, "a");
		refuse_repeated("a: |\n", "  x\n", n / 2, "");
		refuse_repeated("", "%YAML 1.1\n", n / 10, "");
		refuse_repeated("#", "#", n, "\n");
		refuse_repeated("", "---\n", n / 2, "");
	}
	refuse_repeated("services:\n", "  - {name: a, module: /bin/sh}\n", 17, "");
	refuse_repeated("services:\n", "# more\n", 50000, S);
}
END_TEST

START_TEST(an_alias_bomb_does_not_go_off)
{
	char text[4096] = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n";
	struct bh_plan plan;
	struct bh_fault f;
	size_t at = strlen(text);

	for (int i = 1; i < 30; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
				       "a%d: &a%d [*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1, i - 1,
				       i - 1, i - 1);
	ck_assert(!try_text(text, at, NULL, &plan, &f));
	ck_assert_msg(strstr(f.text, "aliases"), "%s", f.text);
}
END_TEST

/* -- bytes at random --------------------------------------------------------------- */

static const char *const words[] = {
	"services",    "name",        "module",   "/bin/sh",  "workers",
	"listen",      "127.0.0.1:0", "limits",   "tasks",    "io",
	"memory",      "64M",         "crash",    "exempt",   "intensity",
	"period",      "restart",     "5s",       "options",  "trace",
	"true",        "grace",       "strategy", "admin",    "one_for_one",
	": ",          "\n",          "\n  - ",   "\n    ",   "- ",
	"[",           "]",           "{",        "}",        ",",
	"&a",          "*a",          "!!str",    "\"",       "'",
	"|\n",         ">\n",         "#",        "---\n",    "...\n",
	"%YAML 1.1\n", "? ",          "\t",       "0",        "-1",
	"1e9",         "\\",          "\x80",     "\xc3\xa9", "\xef\xbb\xbf",
	"unix:/a",
};

static const char whole[] =
	"admin: ipc:///tmp/x/a.sock\nstrategy: rest_for_one\ngrace: 2s\n"
	"services:\n  - name: a\n    module: /bin/sh\n    workers: 3\n"
	"    listen: [\"127.0.0.1:0\", \"[::1]:81\", \"unix:/x\"]\n"
	"    limits: {tasks: 100, io: 200, memory: 64M}\n"
	"    crash: {intensity: 0, period: 1m, exempt: [x.y, z]}\n"
	"    options:\n      k: v\n      text: |\n        more\n        lines\n";

static size_t make_words(char *out, size_t size)
{
	size_t n = rnd(120), at = 0;

	for (size_t i = 0; i < n; i++) {
		const char *w = words[rnd(sizeof(words) / sizeof(words[0]))];
		if (at + strlen(w) < size) {
			memcpy(out + at, w, strlen(w));
			at += strlen(w);
		}
	}
	return at;
}

static size_t make_mutant(char *out, size_t size)
{
	size_t n = sizeof(whole) - 1;

	memcpy(out, whole, n);
	for (uint32_t i = rnd(6); i != UINT32_MAX && n; i--) {
		size_t at = rnd((uint32_t)n), len = rnd(12);
		const char *w = words[rnd(sizeof(words) / sizeof(words[0]))];

		len = len < n - at ? len : n - at;
		switch (rnd(4)) {
		case 0: /* a byte is another */
			out[at] = (char)rnd(256);
			break;
		case 1: /* something is gone */
			memmove(out + at, out + at + len, n - at - len);
			n -= len;
			break;
		case 2: /* something is there that was not */
			if (n + strlen(w) < size) {
				memmove(out + at + strlen(w), out + at, n - at);
				memcpy(out + at, w, strlen(w));
				n += strlen(w);
			}
			break;
		default: /* the end is missing */
			n = n > 1 && !rnd(8) ? at + 1 : n;
		}
	}
	return n;
}

START_TEST(no_bytes_crash_or_hang_it)
{
	enum {
		ROUNDS = 20000
	};
	static char text[64 * 1024];
	uint32_t accepted = 0;

	for (int i = 0; i < ROUNDS; i++) {
		struct bh_plan plan;
		struct bh_fault f;
		size_t n;

		if (i % 3 == 0)
			n = make_words(text, sizeof(text));
		else if (i % 3 == 1)
			n = make_mutant(text, sizeof(text));
		else
			for (n = 0; n < rnd(400); n++)
				text[n] = (char)rnd(256);
		accepted += try_text(text, n, NULL, &plan, &f);
	}
	/* Mutants that are right still: or all of them died of the same thing. */
	ck_assert_uint_gt(accepted, 10);
}
END_TEST

START_TEST(values_mean_what_people_mean)
{
	char host[72];
	uint64_t v;
	uint16_t port;

	ck_assert(bh_value_ms("0", &v) && v == 0);
	ck_assert(bh_value_ms("5m", &v) && v == 300000);
	ck_assert(!bh_value_ms("", &v) && !bh_value_ms("s", &v) && !bh_value_ms("5 s", &v));
	ck_assert(!bh_value_ms("18446744073709551615h", &v));
	ck_assert(bh_value_bytes("4G", &v) && v == 4ull << 30);
	ck_assert(bh_value_address("[::1]:8080", host, &port) && port == 8080);
	ck_assert_str_eq(host, "::1");
	ck_assert(bh_value_address("*:0", host, &port) && !port && !host[0]);
	ck_assert(bh_value_address("localhost:1", host, &port));
	ck_assert(!bh_value_address("example.org:1", host, &port));
	ck_assert(!bh_value_address("127.1:1", host, &port));
	ck_assert(!bh_value_address("1/2:1", host, &port));
	ck_assert(!bh_value_address("[::1:1", host, &port));
	ck_assert(!bh_value_address("a:b:1", host, &port));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tools.config");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits");

	seed_random();
	tcase_add_test(core, every_key_reaches_the_plan);
	tcase_add_test(core, what_is_left_out_has_its_default);
	tcase_add_test(core, options_win);
	tcase_add_test(core, unix_sockets_have_room);
	tcase_add_test(core, linked_in_services_need_no_module);
	tcase_add_test(core, the_built_in_one_is_right);
	tcase_add_test(core, values_mean_what_people_mean);
	tcase_add_test(core, nothing_is_a_fault_of_the_file);
	tcase_add_test(core, what_cannot_be_read_is_said);
	tcase_add_loop_test(core, faults_are_told_with_their_place, 0,
			    sizeof(faults) / sizeof(faults[0]));
	tcase_add_test(limits, too_much_is_refused);
	tcase_add_test(limits, an_alias_bomb_does_not_go_off);
	tcase_add_test(limits, no_bytes_crash_or_hang_it);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	return bh_check_run(s);
}
