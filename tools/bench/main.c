/* SPDX-License-Identifier: MIT */
/*
 * main.c: bh-bench: starts a system of its own around one workload, watches its
 * processes from outside, and prints the results as one line of JSON.
 *
 * Exit codes: 0 measured, 1 the workload cannot be run or failed, 100 usage,
 * 111 no system.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/bench/bench.h"
#include "tools/bench/family.h"
#include "tools/bench/report.h"

enum {
	KEYS = 16
};

struct args {
	const struct workload *workload;
	const char *kind;
	const char *admin; /* NULL: in `dir` */
	bool trace;
	uint64_t workers, n, iters, port;
	size_t keys;
	const char *key[KEYS], *value[KEYS];
};

static char dir[] = "/tmp/bh-bench.XXXXXX";
static volatile sig_atomic_t told;

static void tell(int sig)
{
	told = sig;
}

static int usage(const char *why, const char *what)
{
	fprintf(stderr,
		"bh-bench: %s%s\n"
		"Usage: bh-bench NAME [--workers N] [--kind poll|fiber] [--key number ...]\n"
		"Keys: n, iters; admin (URL), trace (1: with the trace server); tasks (yield_many), gap_us (wake_cross_worker), port (servers)\n"
		"Workloads:\n",
		why, what);
	workload_list();
	return 100;
}

static bool number(const char *text, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno;
}

static int set_key(struct args *a, const char *key, const char *value)
{
	static const char *const known[] = { "tasks", "gap_us" };
	uint64_t num;

	if (!strcmp(key, "kind")) {
		a->kind = value;
		return strcmp(value, "poll") && strcmp(value, "fiber") ?
			       usage("--kind is poll or fiber, not ", value) :
			       0;
	}
	if (!strcmp(key, "admin")) {
		a->admin = value;
		return 0;
	}
	if (!number(value, &num))
		return usage("not a number: ", value);
	if (!strcmp(key, "trace"))
		a->trace = num;
	else if (!strcmp(key, "workers"))
		a->workers = num;
	else if (!strcmp(key, "n"))
		a->n = num;
	else if (!strcmp(key, "iters"))
		a->iters = num;
	else if (!strcmp(key, "port"))
		a->port = num;
	else
		for (size_t i = 0; i <= sizeof(known) / sizeof(*known); i++) {
			if (i == sizeof(known) / sizeof(*known) || a->keys == KEYS)
				return usage("no such key: --", key);
			if (!strcmp(key, known[i])) {
				a->key[a->keys] = key;
				a->value[a->keys++] = value;
				break;
			}
		}
	return 0;
}

static int parse(struct args *a, int argc, char **argv)
{
	int err;

	const char *name = argc > 1 ? argv[1] : "";

	a->workload = workload_find(name);
	if (!a->workload) {
		usage("no such workload: ", name);
		return 100;
	}
	for (int i = 2; i < argc; i += 2) {
		if (strncmp(argv[i], "--", 2) || i + 1 == argc)
			return usage("expected --KEY VALUE: ", argv[i]);
		if ((err = set_key(a, argv[i] + 2, argv[i + 1])))
			return err;
	}
	if (a->workload->server && !a->kind)
		a->kind = "fiber";
	else if (!a->kind)
		a->kind = "poll";
	if (!a->workers)
		a->workers = 1; /* Tokio's current_thread is our single worker */
	if (a->workers > 64)
		return usage("--workers is a number up to 64", "");
	if (a->port > 65535)
		return usage("--port is a number up to 65535", "");
	if (!a->n)
		a->n = !strcmp(a->kind, "fiber") && a->workload->fiber_n ? a->workload->fiber_n :
									   a->workload->n;
	if (!a->iters)
		a->iters = a->workload->iters ? a->workload->iters : 1;
	return 0;
}

/* -- the system ---------------------------------------------------------------- */

static int write_config(const struct args *a)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/bench.yaml", dir);
	FILE *f = fopen(path, "we");

	if (!f)
		return -errno;
	if (a->admin)
		fprintf(f, "admin: \"%s\"\n", a->admin);
	else
		fprintf(f, "admin: ipc://%s/admin.sock\n", dir);
	fprintf(f,
		"grace: 0\ntrace: %s\nservices:\n"
		"  - name: bench\n    workers: %lu\n"
		"    limits: {tasks: %lu, memory: %s}\n    crash: {intensity: 0}\n",
		a->trace ? "true" : "false", a->workers,
		a->n + 100000 < 16777216 ? a->n + 100000 : 16777216, "8G");
	if (a->workload->server)
		fprintf(f, "    listen: [\"127.0.0.1:%lu\"]\n", a->port);
	fprintf(f,
		"    options:\n      bench: \"%s\"\n      kind: \"%s\"\n      page: \"%s/page\"\n"
		"      n: \"%lu\"\n      iters: \"%lu\"\n",
		a->workload->name, a->kind, dir, a->n, a->iters);
	for (size_t i = 0; i < a->keys; i++)
		fprintf(f, "      %s: \"%s\"\n", a->key[i], a->value[i]);
	return fclose(f) ? -errno : 0;
}

static struct page *make_page(const struct args *a)
{
	size_t size = sizeof(struct page) + (a->n + a->iters + 1) * sizeof(double);
	char path[64];

	snprintf(path, sizeof(path), "%s/page", dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)size))
		return NULL;
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

/* The child becomes the system's root; stdout is ours, its words are a log. */
static pid_t start(void)
{
	static const struct bh_service *const services[] = { &bench_service };
	char conf[64], log[64];
	char *args[] = { (char[]){ "bh-bench" }, conf, NULL };
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	snprintf(conf, sizeof(conf), "%s/bench.yaml", dir);
	snprintf(log, sizeof(log), "%s/log", dir);
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd >= 0) {
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
	}
	_exit(bh_main(2, args, services, 1));
}

/* Answers what the service asks until it is done. */
static int watch(struct page *p, pid_t pid, const struct args *a, struct family *before,
		 struct family *after)
{
	while (!told) {
		uint32_t ask = atomic_load(&p->ask);

		if (ask == ASK_DONE || ask == ASK_FAILED)
			return ask == ASK_DONE ? 0 : 1;
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return 111;
		if (ask == atomic_load(&p->ack)) {
			usleep(2000);
			continue;
		}
		family_measure(ask == ASK_BEGIN ? before : after, pid, a->workload->memory);
		atomic_store(&p->ack, ask);
		if (a->workload->server && ask == ASK_BEGIN)
			fprintf(stderr, "ready %lu\n", a->port);
	}
	family_measure(after, pid, false);
	return a->workload->server ? 0 : 1;
}

static void show_log(void)
{
	char path[64], line[512];

	snprintf(path, sizeof(path), "%s/log", dir);
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f))
		fputs(line, stderr);
	if (f)
		fclose(f);
}

static void stop(pid_t pid)
{
	static const char *const names[] = { "bench.yaml", "page", "log", "admin.sock" };
	char path[64];

	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

int main(int argc, char **argv)
{
	static const struct bh_service *const services[] = { &bench_service };
	struct args a = { .workers = 2, .port = 9000 };
	struct family before = { 0 }, after = { 0 };
	int code;

	if (argc > 1 && !strcmp(argv[1], "--zygote"))
		return bh_main(argc, argv, services, 1);
	if (argc > 1 && !strcmp(argv[1], "--help")) {
		usage("measures the runtime", "");
		return 0;
	}
	if ((code = parse(&a, argc, argv)))
		return code;
	if (a.workload->server && strcmp(a.kind, "fiber")) {
		fprintf(stderr, "bh-bench: %s: the servers are made of fibers (--kind fiber)\n",
			a.workload->name);
		return 1;
	}
	struct page *p = mkdtemp(dir) ? make_page(&a) : NULL;

	if (!p) {
		fprintf(stderr, "bh-bench: %s: %s\n", dir, strerror(errno));
		return 111;
	}
	if (write_config(&a)) {
		fprintf(stderr, "bh-bench: %s/bench.yaml: %s\n", dir, strerror(errno));
		return 111;
	}
	signal(SIGTERM, tell);
	signal(SIGINT, tell);
	pid_t pid = start();

	if (pid < 0)
		return 111;
	code = watch(p, pid, &a, &before, &after);
	if (!code)
		report(a.workload, a.kind, p, &before, &after);
	else if (!told)
		fprintf(stderr, "bh-bench: %s: %s\n", a.workload->name,
			p->error ? bh_strerror(p->error) : "the system ended early; it said:");
	if (code == 111)
		show_log();
	stop(pid);
	return code;
}
