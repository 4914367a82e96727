/* SPDX-License-Identifier: MIT */
#include "tools/bulkhead/config/plan_make.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipc/system/board.h"
#include "tools/bulkhead/config/fill.h"
#include "tools/bulkhead/config/plan_user.h"
#include "tools/bulkhead/config/quota.h"
#include "tools/bulkhead/config/value.h"
#include "tools/bulkhead/rlimits.h"

enum {
	STACKS_BESIDE = 128, /* a worker's: of free ones it keeps as many at hand */
};

struct maker {
	struct bh_plan *plan;
	const struct bh_config *c;
	const struct bh_run_options *o;
	struct bh_fault *f;
	char bin[PATH_MAX]; /* where this program is */
};

/* The number of CPUs that this process may use. */
static uint32_t cpus(void)
{
	uint32_t n = bh_quota_cpus();

	return n > BH_MAX_WORKERS ? BH_MAX_WORKERS : n;
}

/* -- where things are ---------------------------------------------------------- */

/* The node of @key in service @i, or of the service if it is not there. */
static const struct bh_yaml_node *key_node(const struct maker *m, uint32_t i, const char *key)
{
	const struct bh_yaml_node *s = bh_config_service(m->c, i), *n = bh_yaml_find(s, key);

	return n ? n : s;
}

static int find_bin(struct maker *m)
{
	ssize_t n = readlink("/proc/self/exe", m->bin, sizeof(m->bin) - 1);

	if (n < 0)
		return bh_fault_say(m->f, 0, 0, "cannot find where bulkhead is installed: %s",
				    strerror(errno));
	m->bin[n] = '\0';
	*strrchr(m->bin, '/') = '\0';
	if (strlen(m->bin) >= sizeof(m->plan->libexec))
		return bh_fault_say(m->f, 0, 0, "the path of bulkhead's programs is too long: %s",
				    m->bin);
	strcpy(m->plan->libexec, m->bin);
	return 0;
}

/* True if there is a file at @path; its absolute path goes to @out. Linux knows it: the C
 * library's realpath() makes a system call, faccessat2(), that many filters refuse. */
static bool real_path(const char *path, char out[256])
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	char link[32];
	struct stat st;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n =
		fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) ? readlink(link, out, 256) : -1;
	if (fd >= 0)
		close(fd);
	if (n < 0 || n >= 256)
		return false;
	out[n] = '\0';
	return true;
}

/* The same, of a file that we may read. */
static bool is_module(const char *path, char out[256])
{
	return real_path(path, out) && !access(out, R_OK);
}

static int find_module(struct maker *m, uint32_t i, const char *module, char out[256])
{
	const struct bh_yaml_node *n = key_node(m, i, "module");
	char first[PATH_MAX], second[PATH_MAX] = "", file[PATH_MAX];

	if (module[0] == '/') {
		snprintf(first, sizeof(first), "%s", module);
	} else {
		snprintf(first, sizeof(first), "%.*s/../lib/bulkhead/%s", PATH_MAX / 2, m->bin,
			 module);
		if (m->o->config) {
			snprintf(file, sizeof(file), "%s", m->o->config);
			snprintf(second, sizeof(second), "%.*s/%s", PATH_MAX / 2, dirname(file),
				 module);
		}
	}
	if (is_module(first, out) || (second[0] && is_module(second, out)))
		return 0;
	return bh_fault_say(m->f, n->line, n->column, "the module is not there: tried %s%s%s",
			    first, second[0] ? " and " : "", second);
}

/* -- a service ------------------------------------------------------------------- */

static bool is_linked(const struct maker *m, const char *name)
{
	for (uint32_t i = 0; i < m->o->n_linked; i++)
		if (!strcmp(m->o->linked[i], name))
			return true;
	return false;
}

/* The program that becomes the zygote, and the module that it loads. */
static int make_image(struct maker *m, uint32_t i, struct bh_plan_service *s)
{
	const struct bh_yaml_node *n = bh_config_service(m->c, i);
	const char *given = bh_yaml_text(n, "module");
	char module[sizeof(s->name) + 4];

	if (m->o->host && !given) {
		if (!is_linked(m, s->name))
			return bh_fault_say(
				m->f, n->line, n->column,
				"service %s: %.200s has no service of that name linked in, "
				"and no module is given",
				s->name, m->o->host);
		if (!real_path(m->o->host, s->host))
			return bh_fault_say(m->f, 0, 0, "--host: cannot find the program %s",
					    m->o->host);
		return 0;
	}
	snprintf(s->host, sizeof(s->host), "%.*s/bulkhead-host%s", (int)sizeof(s->host) - 23,
		 m->bin, m->o->strict ? "-strict" : "");
	snprintf(module, sizeof(module), "%s.so", s->name);
	return find_module(m, i, given ? given : module, s->module);
}

static int make_user(struct maker *m, uint32_t i, struct bh_plan_service *s)
{
	const struct bh_yaml_node *n = key_node(m, i, "user");
	char why[BH_PLAN_USER_WHY];

	if (bh_plan_user_find(&s->user, bh_yaml_text(bh_config_service(m->c, i), "user"), why))
		return bh_fault_say(m->f, n->line, n->column, "%s", why);
	return 0;
}

static int make_exempt(struct maker *m, uint32_t i, struct bh_plan_service *s)
{
	const struct bh_yaml_node *n = bh_yaml_find(bh_config_service(m->c, i), "crash.exempt");
	size_t at = 0;

	for (n = n ? n->first : NULL; n; n = n->next) {
		if (at + strlen(n->value) + 2 > sizeof(s->crash_exempt))
			return bh_fault_say(
				m->f, n->parent->line, n->parent->column,
				"crash.exempt: the names are longer than %zu bytes together",
				sizeof(s->crash_exempt) - 1);
		at += (size_t)snprintf(s->crash_exempt + at, sizeof(s->crash_exempt) - at, "%s%s",
				       at ? "\n" : "", n->value);
	}
	return 0;
}

static void make_options(const struct maker *m, uint32_t i, struct bh_plan_service *s)
{
	const struct bh_yaml_node *n = bh_yaml_get(bh_config_service(m->c, i), "options");

	for (n = n ? n->first : NULL; n && s->n_options < BH_PLAN_OPTIONS; n = n->next) {
		struct bh_plan_option *o = &s->options[s->n_options++];

		snprintf(o->key, sizeof(o->key), "%s", n->key);
		snprintf(o->value, sizeof(o->value), "%s", n->value);
	}
}

static void add_address(struct bh_plan_service *s, const char *address)
{
	struct bh_plan_listen *l = &s->listen[s->n_listen++];

	snprintf(l->address, sizeof(l->address), "%s", address);
	l->fd = -1;
}

/* "localhost" is two addresses. False: there is no room. */
static bool add_host(struct bh_plan_service *s, const char *address)
{
	char host[72], second[24];
	uint16_t port = 0;
	bool both = bh_value_address(address, host, &port) && !strcmp(host, "localhost");

	if (s->n_listen + both >= BH_PLAN_LISTEN)
		return false;
	add_address(s, address);
	if (both) {
		snprintf(second, sizeof(second), "[::1]:%u", port);
		add_address(s, second);
	}
	return true;
}

static int make_listen(struct maker *m, uint32_t i, struct bh_plan_service *s)
{
	const struct bh_yaml_node *n = key_node(m, i, "listen");
	bool optional = i == 0 && m->o->n_listen, room = true;

	for (uint32_t j = 0; optional && room && j < m->o->n_listen; j++)
		room = add_host(s, m->o->listen[j]);
	if (!optional && n->kind == BH_YAML_SEQUENCE)
		for (const struct bh_yaml_node *e = n->first; room && e; e = e->next)
			room = add_host(s, e->value);
	if (room)
		return 0;
	return bh_fault_say(m->f, optional ? 0 : n->line, optional ? 0 : n->column,
			    "listen: at most %d addresses (localhost is two)", BH_PLAN_LISTEN);
}

/* Or a task that waits would find all as it was, until its only worker is replaced. */
static void add_worker(struct bh_plan_service *s)
{
	fprintf(stderr,
		"bulkhead: strict: service %s runs with 2 workers, not 1, to show what a wait "
		"breaks\n",
		s->name);
	s->workers = 2;
	if (s->max_workers < 2)
		s->max_workers = 2;
}

/* Numbers that follow others. */
static int make_numbers(struct maker *m, uint32_t i, struct bh_plan_service *s)
{
	const struct bh_yaml_node *c = bh_config_service(m->c, i);
	const struct bh_yaml_node *n = key_node(m, i, "max_workers");

	if (m->o->workers)
		s->workers = m->o->workers;
	else if (!s->workers)
		s->workers = cpus();
	if (!s->max_workers)
		s->max_workers = s->workers;
	if (m->o->strict && s->workers == 1)
		add_worker(s);
	if (s->max_workers < s->workers)
		return bh_fault_say(m->f, n->line, n->column,
				    "max_workers (%u) is less than workers (%u)", s->max_workers,
				    s->workers);
	/* Without a limit that the file gives, each socket may be a connection with a fiber
	 * of its own; so it may where free ones stand in the workers' caches. */
	if (!bh_yaml_find(c, "limits.memory"))
		s->max_memory +=
			(s->max_io + bh_plan_slots(s) * STACKS_BESIDE) * (uint64_t)BH_RLIMITS_FIBER;
	if (s->backoff_min_ms <= s->backoff_max_ms)
		return 0;
	/* A bound that the file does not give follows the one it gives. */
	if (!bh_yaml_find(c, "restart.backoff_max"))
		s->backoff_max_ms = s->backoff_min_ms;
	else if (!bh_yaml_find(c, "restart.backoff_min"))
		s->backoff_min_ms = s->backoff_max_ms;
	else
		return bh_fault_say(
			m->f, key_node(m, i, "restart")->line, key_node(m, i, "restart")->column,
			"restart: backoff_min (%u ms) is longer than backoff_max (%u ms)",
			s->backoff_min_ms, s->backoff_max_ms);
	return 0;
}

static int make_service(struct maker *m, uint32_t i)
{
	struct bh_plan_service *s = &m->plan->services[i];

	bh_config_fill_service(s, bh_config_service(m->c, i));
	make_options(m, i, s);
	if (make_listen(m, i, s) || make_image(m, i, s) || make_user(m, i, s) ||
	    make_exempt(m, i, s))
		return -EINVAL;
	return make_numbers(m, i, s);
}

/* -- the system -------------------------------------------------------------------- */

static int refuse_twins(struct maker *m)
{
	const struct bh_plan *p = m->plan;

	for (uint32_t i = 1; i < p->n_services; i++)
		for (uint32_t j = 0; j < i; j++)
			if (!strcmp(p->services[i].name, p->services[j].name)) {
				const struct bh_yaml_node *n = key_node(m, i, "name");
				return bh_fault_say(m->f, n->line, n->column,
						    "a second service with the name %s",
						    p->services[i].name);
			}
	return 0;
}

/* Port 0 is another one each time. */
static bool is_port_0(const char *address)
{
	char host[72];
	uint16_t port;

	return bh_value_address(address, host, &port) && !port;
}

static int refuse_twin_address(struct maker *m, uint32_t i, uint32_t j)
{
	const struct bh_plan_service *s = &m->plan->services[i];
	const char *address = s->listen[j].address;
	const struct bh_yaml_node *n = bh_yaml_get(bh_config_service(m->c, i), "listen");
	bool optional = i == 0 && m->o->n_listen;

	for (uint32_t k = 0; k <= i; k++)
		for (uint32_t l = 0; l < (k < i ? m->plan->services[k].n_listen : j); l++) {
			if (strcmp(address, m->plan->services[k].listen[l].address))
				continue;
			/* The address is the key of bh_listen() within a service. */
			if (k < i && is_port_0(address))
				continue;
			n = bh_yaml_at(n, j);
			return optional || !n ?
				       bh_fault_say(m->f, 0, 0, "--listen %s is given twice",
						    address) :
				       bh_fault_say(m->f, n->line, n->column,
						    "%s is listened on twice", address);
		}
	return 0;
}

int bh_config_linked(struct bh_config *c, const struct bh_run_options *o, struct bh_fault *f)
{
	char text[BH_PLAN_SERVICES * 64] = "services:\n";
	size_t at = strlen(text);

	for (uint32_t i = 0; i < o->n_linked; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "  - name: \"%.31s\"\n",
				       o->linked[i]);
	f->file = o->host;
	return bh_config_parse(c, text, at, f);
}

int bh_plan_make(struct bh_plan *plan, const struct bh_config *c, const struct bh_run_options *o,
		 struct bh_fault *f)
{
	struct maker m = { .plan = plan, .c = c, .o = o, .f = f };

	/* No compound literal: it may be built on the stack, which may be small. */
	memset(plan, 0, sizeof(*plan));
	plan->magic = BH_PLAN_MAGIC;
	plan->format = bh_format;
	plan->bytes = sizeof(*plan);
	plan->admin = 1;
	plan->strict = o->strict;
	plan->unpriv_uid = UINT32_MAX;
	plan->unpriv_gid = UINT32_MAX;
	bh_config_fill_system(plan, bh_config_root(c));
	while (bh_config_service(c, plan->n_services))
		plan->n_services++;
	snprintf(plan->config, sizeof(plan->config), "%s", c->file);
	if (find_bin(&m))
		return -EINVAL;
	for (uint32_t i = 0; i < plan->n_services; i++)
		if (make_service(&m, i))
			return -EINVAL;
	if (refuse_twins(&m))
		return -EINVAL;
	for (uint32_t i = 0; i < plan->n_services; i++)
		for (uint32_t j = 0; j < plan->services[i].n_listen; j++)
			if (refuse_twin_address(&m, i, j))
				return -EINVAL;
	return 0;
}
