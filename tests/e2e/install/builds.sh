#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Bulkhead as a part of other builds: headers without a warning, alone and in each standard, a
# CMake project that has it as a subproject, a module with --coverage, and one for whose
# thread-locals the loader has no room.
. "$(dirname "$0")/../lib.sh"
root=$(cd "$(dirname "$0")/../../.." && pwd)
need cc cmake

strict=(-pedantic-errors -Wall -Wextra -Werror -fsyntax-only -I "$root/include")
tried=0
check_templates() { # COMPILER FLAG...: what bulkhead.hpp becomes when it is used
	"$@" "${strict[@]}" -x c++ - <<'C' || fail "uses of bulkhead.hpp are not clean for $*"
#include <bulkhead/bulkhead.hpp>
#include <vector>
int64_t uses(bh_io raw);
int64_t uses(bh_io raw)
{
	bh::task task, other;
	bh::scope scope;
	bh::result res;
	bh::token token;
	bh::io io(raw), moved(std::move(io));
	bh::block<char[]> text(static_cast<char *>(bh_alloc(8)));
	std::vector<int, bh::allocator<int>> numbers(3), more(numbers);

	if (bh::spawn(task, [raw] { return static_cast<int64_t>(raw); }) || bh::spawn(scope, [] { return 0; }) ||
	    bh::spawn_blocking(other, [] { return 0; }) || bh_token_open(token.out(), 0))
		return task.detach();
	if (task.join(res, BH_NOWAIT) || other.join(BH_FOREVER) || !text || numbers != more)
		return bh_scope_next(scope.get(), nullptr, res.out(), BH_FOREVER);
	return moved && io.get() == 0;
}
C
}
refused() { # WORDS STATEMENTS: the compiler says the former of the latter
	printf '%s\n' '#include <bulkhead/bulkhead.hpp>' '#include <string>' \
		"int refused(bh::task &t); int refused(bh::task &t) { $2 }" >"$dir/refused.cc"
	c++ -std=c++17 -fsyntax-only -I "$root/include" "$dir/refused.cc" >"$dir/said" 2>&1 && fail "taken: $2"
	grep -q "bh: .*$1" "$dir/said" || fail "of $2 the compiler says: $(head -n 5 "$dir/said")"
}
check_headers() { # LANGUAGE COMPILER STANDARD...
	local language=$1 compiler=$2 std header headers=("$root"/include/bulkhead/*.h)
	shift 2
	[ "$language" = c ] || headers+=("$root"/include/bulkhead/*.hpp)
	local oldest=$1
	command -v "$compiler" >/dev/null || return 0
	for std; do
		for header in "${headers[@]}"; do
			printf '#include <bulkhead/%s>\n' "${header##*/}"
		done >"$dir/all"
		for header in "${headers[@]}"; do
			[ "$std" = "$oldest" ] || break
			printf '#include <bulkhead/%s>\n' "${header##*/}" >"$dir/one"
			"$compiler" -std="$std" "${strict[@]}" -x "$language" "$dir/one" ||
				fail "${header##*/} is not clean for $compiler -std=$std"
			tried=$((tried + 1))
		done
		cat >>"$dir/all" <<'C'
int64_t uses(void *p);
int64_t uses(void *p)
{
	struct bh_spawn_opts opts = BH_SPAWN_OPTS_INIT;
	int (*address)(bh_task *, bh_fiber_fn, const void *, size_t, const struct bh_spawn_opts *) = bh_spawn;
	bh_task task;

	if (address(&task, uses, p, 0, &opts) || bh_spawn_blocking(&task, &uses, p, 0, &opts))
		return bh_spawn(&task, uses, p, 0, &opts);
	return bh_serve(0, uses, &opts);
}
C
		"$compiler" -std="$std" "${strict[@]}" -x "$language" "$dir/all" ||
			fail "uses of the headers are not clean for $compiler -std=$std"
		[ "$language" = c ] || check_templates "$compiler" -std="$std"
	done
}
check_headers c gcc c99 c11 c17 c2x
check_headers c clang c99 c11 c17 c2x
check_headers c++ g++ c++11 c++14 c++17 c++20
check_headers c++ clang++ c++11 c++14 c++17 c++20
if command -v c++ >/dev/null; then
	refused 'captur.*arrays of char' 'std::string s; return bh::spawn(t, [s] { return 0; });'
	refused 'give it by opts.give' 'bh::io io; return bh::spawn(t, [io = std::move(io)] { return 0; });'
	refused 'at most 1 MiB' 'static char c[2 << 20]; struct f { char c[2 << 20]; int operator()() { return *c; } }; return bh::spawn(t, *reinterpret_cast<f *>(c));'
	refused 'aligned to 16' 'struct alignas(64) f { int operator()() { return 0; } }; return bh::spawn(t, f());'
	refused 'an int64_t' 'return bh::spawn(t, [] {});'
fi
note "$tried headers are clean"

mkdir "$dir/parent"
cat >"$dir/parent/CMakeLists.txt" <<CMAKE
cmake_minimum_required(VERSION 3.25)
project(parent LANGUAGES C)
foreach(name http echo hello async proxy tour embed names tests)
	add_custom_target(\${name})
endforeach()
set(BH_WITH_BPF OFF)
add_subdirectory($root bulkhead EXCLUDE_FROM_ALL)
file(WRITE \${CMAKE_BINARY_DIR}/main.c "#include <bulkhead/bulkhead.h>\nint main(int c, char **v) { return bh_main(c, v, NULL, 0); }")
add_executable(program \${CMAKE_BINARY_DIR}/main.c)
target_link_libraries(program PRIVATE bulkhead_runtime)
add_library(module MODULE \${CMAKE_BINARY_DIR}/main.c)
target_link_libraries(module PRIVATE bulkhead::headers)
CMAKE
cmake -S "$dir/parent" -B "$dir/parent/build" >"$dir/cmake" 2>&1 ||
	fail "as a subproject: $(grep -A3 Error "$dir/cmake")"
cmake --build "$dir/parent/build" --target module >"$dir/cmake" 2>&1 ||
	fail "a module of such a project: $(tail -n 5 "$dir/cmake")"
note "a project with targets of the same names has it as a subproject"

module() { # NAME [FLAG...]: $dir/NAME.so from the standard input
	local name=$1
	shift
	cc -std=gnu17 -O2 -fPIC -shared "$@" -I "$root/include" -o "$dir/$name.so" -x c - ||
		fail "$name does not compile"
	printf 'trace: false\nservices:\n  - {name: s, module: %s}\n' "$dir/$name.so" >"$dir/$name.yaml"
}
run() { timeout 200 "$BH_BIN/bulkhead" run --admin "$BULKHEAD_ADMIN" "$dir/$1.yaml" >"$log" 2>&1; }

(cd "$dir" && module covered --coverage) <<'C'
#include <bulkhead/bulkhead.h>
void __gcov_dump(void);
void __gcov_reset(void);
static int64_t run(void *unused)
{
	(void)unused;
	__gcov_dump();
	__gcov_reset();
	return 0;
}
const struct bh_service bulkhead_service = { .size = sizeof(struct bh_service), .name = "s", .main = run };
C
run covered || fail "the module with --coverage ends with $?"
[ -n "$(find "$dir" -name '*.gcda')" ] || fail "no counts of a module with --coverage"
note "a module with --coverage writes its counts"

module roomy <<'C'
#include <bulkhead/bulkhead.h>
static __thread char local[100000] __attribute__((tls_model("initial-exec")));
static int64_t run(void *at)
{
	*(char *volatile)&local[at != NULL] = 1;
	return !local[0];
}
const struct bh_service bulkhead_service = { .size = sizeof(struct bh_service), .name = "s", .main = run };
C
run roomy && fail "the loader had room after all"
grep -q 'GLIBC_TUNABLES=glibc.rtld.optional_static_tls' "$log" || fail "nobody says what to do about static TLS"
export GLIBC_TUNABLES=glibc.rtld.optional_static_tls=200000
run roomy || fail "with more room it ends with $?"
note "a module that needs more static TLS is told how to get it, and gets it so"
