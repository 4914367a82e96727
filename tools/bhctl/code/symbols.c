/* SPDX-License-Identifier: MIT */
#include "tools/bhctl/code/symbols.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bhctl/ask.h"
#include "tools/bhctl/bhctl.h"
#include "tools/bhctl/code/code.h"

struct ksym {
	uint64_t address;
	char name[56];
};

struct bh_symbols {
	Dwfl *code[BH_RECORDER_SERVICES];
	bool tried[BH_RECORDER_SERVICES];
	char name[BH_RECORDER_SERVICES][64];
	int pid[BH_RECORDER_SERVICES]; /* of a process that lives; 0: none */
	char why[BH_RECORDER_SERVICES][BH_CODE_WHY];
	struct ksym *kernel;
	size_t n_kernel;
	bool tried_kernel;
};

int bh_symbols_open(struct bh_symbols **out, const char *url)
{
	Bulkhead__Request q = BULKHEAD__REQUEST__INIT;
	Bulkhead__StatusRequest status = BULKHEAD__STATUS_REQUEST__INIT;
	Bulkhead__Reply *r;

	q.verb_case = BULKHEAD__REQUEST__VERB_STATUS;
	q.status = &status;
	int code = bh_ask(url, &q, &r);
	if (code)
		return code;
	struct bh_symbols *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	if (r->answer_case == BULKHEAD__REPLY__ANSWER_STATUS)
		for (size_t i = 0; i < r->status->n_services && i < BH_RECORDER_SERVICES; i++) {
			const Bulkhead__Service *from = r->status->services[i];

			s->pid[i] = from->zygote_pid;
			snprintf(s->name[i], sizeof(s->name[i]), "%s", from->name);
		}
	bulkhead__reply__free_unpacked(r, NULL);
	*out = s;
	return 0;
}

void bh_symbols_close(struct bh_symbols *s)
{
	if (!s)
		return;
	for (int i = 0; i < BH_RECORDER_SERVICES; i++)
		if (s->code[i])
			dwfl_end(s->code[i]);
	free(s->kernel);
	free(s);
}

static Dwfl *code_of(struct bh_symbols *s, uint32_t service)
{
	if (service >= BH_RECORDER_SERVICES)
		return NULL;
	if (!s->tried[service] && s->pid[service] > 0)
		s->code[service] = bh_code_open(s->pid[service], s->why[service]);
	s->tried[service] = true;
	return s->code[service];
}

uint32_t bh_symbols_service(const struct bh_symbols *s, const char *name)
{
	uint32_t i = 0;

	while (i < BH_RECORDER_SERVICES && (!s->name[i][0] || strcmp(s->name[i], name)))
		i++;
	return i;
}

int bh_symbols_pid(const struct bh_symbols *s, uint32_t service)
{
	return service < BH_RECORDER_SERVICES ? s->pid[service] : 0;
}

const char *bh_symbols_missing(const struct bh_symbols *s, uint32_t service)
{
	return service < BH_RECORDER_SERVICES && s->why[service][0] ? s->why[service] : NULL;
}

static void add_line(Dwfl_Module *m, uint64_t address, char *text, size_t bytes)
{
	size_t n = strlen(text);
	Dwfl_Line *l = dwfl_module_getsrc(m, address);
	int line;
	const char *file = l ? dwfl_lineinfo(l, NULL, &line, NULL, NULL, NULL) : NULL;

	if (!file)
		return;
	const char *slash = strrchr(file, '/');
	snprintf(text + n, bytes - n, " (%s:%d)", slash ? slash + 1 : file, line);
}

/* libdwfl gives addresses beyond all modules to the last. */
static Dwfl_Module *module_at(Dwfl *d, uint64_t address)
{
	Dwfl_Module *m = dwfl_addrmodule(d, address);
	Dwarf_Addr start = 0, end = 0;

	if (m)
		dwfl_module_info(m, NULL, &start, &end, NULL, NULL, NULL, NULL);
	return address >= start && address < end ? m : NULL;
}

static const char *file_of(Dwfl_Module *m)
{
	const char *path = dwfl_module_info(m, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path ? path : "?";
}

bool bh_symbols_user(struct bh_symbols *s, uint32_t service, uint64_t address, bool line,
		     char *text, size_t bytes)
{
	Dwfl *d = code_of(s, service);
	Dwfl_Module *m = d ? module_at(d, address) : NULL;
	const char *name = m ? dwfl_module_addrname(m, address) : NULL;

	if (name) {
		snprintf(text, bytes, "%s", name);
		if (line)
			add_line(m, address, text, bytes);
	} else if (m && !line) {
		snprintf(text, bytes, "[%s]", file_of(m));
	} else {
		int n = snprintf(text, bytes, "%#" PRIx64, address);
		if (m)
			snprintf(text + n, bytes - (size_t)n, " [%s]", file_of(m));
	}
	return !d || m;
}

static int by_address(const void *a, const void *b)
{
	const struct ksym *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

/* Without the right to see them (kptr_restrict) all addresses are 0. */
static void read_kernel(struct bh_symbols *s)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	struct ksym k;
	char type;
	size_t room = 0;

	s->tried_kernel = true;
	while (f &&
	       fscanf(f, "%" SCNx64 " %c %55[^\n \t]%*[^\n]", &k.address, &type, k.name) == 3) {
		if (!k.address || (type != 't' && type != 'T'))
			continue;
		if (s->n_kernel == room) {
			room = room ? room * 2 : 1 << 16;
			struct ksym *more = realloc(s->kernel, room * sizeof(*more));
			if (!more)
				break;
			s->kernel = more;
		}
		s->kernel[s->n_kernel++] = k;
	}
	if (f)
		fclose(f);
	if (s->n_kernel)
		qsort(s->kernel, s->n_kernel, sizeof(k), by_address);
}

void bh_symbols_kernel(struct bh_symbols *s, uint64_t address, char *text, size_t bytes)
{
	size_t lo = 0, hi;

	if (!s->tried_kernel)
		read_kernel(s);
	for (hi = s->n_kernel; lo < hi;) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->kernel[mid].address <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	snprintf(text, bytes, "%s_[k]", lo ? s->kernel[lo - 1].name : "kernel");
}
