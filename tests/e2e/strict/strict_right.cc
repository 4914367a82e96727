// SPDX-License-Identifier: MIT
// strict_right.cc: a service that does it right, of which --strict has nothing to tell: for
// strict_right.sh.
#include <bulkhead/bulkhead.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const int *table; // init()'s
static BH_PRIVATE int calls;
static BH_PRIVATE_TLS thread_local int calls_here;

static int init()
{
	int *t = static_cast<int *>(malloc(1000 * sizeof(int)));

	if (!t)
		return -1;
	for (int i = 0; i < 1000; i++)
		t[i] = i;
	table = t;
	std::cout << "begun" << std::endl;
	return 0;
}

static bool memory()
{
	std::vector<std::string> all;
	std::map<int, std::string> by_number;

	for (int i = 0; i < 2000; i++) {
		all.push_back(std::to_string(i) + " and so on, longer than fits inside");
		by_number[i] = all.back();
	}
	void *large = calloc(1, 4 << 20), *aligned = nullptr;
	large = realloc(large, 8 << 20);
	if (!large || posix_memalign(&aligned, 4096, 100) ||
	    reinterpret_cast<uintptr_t>(aligned) % 4096)
		return false;
	memset(aligned, 1, 100);
	free(aligned);
	free(large);
	void *map =
		mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return false;
	memset(map, 1, 1 << 20);
	return !munmap(map, 1 << 20) && by_number[7] == all[7];
}

static bool streams()
{
	std::ostringstream out;
	char line[200] = "", when[64];
	time_t now = time(nullptr);
	FILE *f = fopen("/proc/self/status", "r");

	out << 3.25 << std::hex << 255;
	std::cout << "out " << out.str() << std::endl;
	std::cerr << "err " << out.str() << std::endl;
	printf("%d %s\n", 7, "seven");
	strftime(when, sizeof(when), "%c", localtime(&now));
	if (!f || !fgets(line, sizeof(line), f) || fclose(f))
		return false;
	errno = 0;
	return open("/no such file", O_RDONLY) < 0 && errno == ENOENT && strtok(line, ":") &&
	       out.str() == "3.25ff";
}

static bool others()
{
	int sum = 0;
	std::thread helper([&sum] {
		std::string text(5000, 'x');

		sum = static_cast<int>(text.size());
	});

	helper.join();
	pid_t child = fork();
	if (!child)
		_exit(table[42] == 42 ? 3 : 4);
	int status = 0;
	if (waitpid(child, &status, 0) != child || WEXITSTATUS(status) != 3)
		return false;
	FILE *p = popen("echo from a program", "r");
	char line[100] = "";
	return p && fgets(line, sizeof(line), p) && !pclose(p) && !system("true") && sum == 5000 &&
	       !strcmp(line, "from a program\n");
}

static bool throws()
{
	try {
		throw std::make_unique<std::string>("thrown");
	} catch (const std::unique_ptr<std::string> &e) {
		if (bh_sleep(BH_MS(1))) // pinned while it waits
			return false;
		return *e == "thrown";
	}
}

static int64_t work(void *)
{
	char *kept = static_cast<char *>(bh_alloc(100));
	bool right = kept;

	for (int i = 0; right && i < 3; i++) {
		snprintf(kept, 100, "round %d", i);
		right = memory() && streams() && others();
		calls++;
		calls_here++;
		right = right && !bh_sleep(BH_MS(1)) && kept[6] == '0' + i && table[999] == 999 &&
			throws();
		bh_yield();
	}
	bh_free(kept);
	return right;
}

// What is pinned keeps what it has.
static int64_t stay(void *)
{
	std::string text(1000, 'x');

	return !bh_sleep(BH_MS(1)) && text[999] == 'x';
}

static int64_t run(void *)
{
	struct bh_spawn_opts pinned = BH_SPAWN_OPTS_INIT;
	struct bh_result r;
	bh_task t[4];
	int right = 0;

	pinned.pinned = 1;
	for (int i = 0; i < 4; i++)
		if (i < 3 ? bh_spawn(&t[i], work, nullptr, 0, nullptr) :
			    bh_spawn(&t[i], stay, nullptr, 0, &pinned))
			return 1;
	for (auto task : t)
		right += !bh_join(task, &r, BH_FOREVER) && r.end == BH_END_RETURNED && r.value == 1;
	printf("right %d\n", right);
	return 0;
}

extern "C" BH_API const struct bh_service bulkhead_service = {
	sizeof(struct bh_service), 0, "strict_right", init, run, nullptr,
};
