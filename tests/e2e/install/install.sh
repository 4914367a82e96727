#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What is installed is whole: it runs from wherever it was moved to, and modules are built
# with it by pkg-config and by CMake, without the sources.
. "$(dirname "$0")/../lib.sh"
need cc cmake curl jq pkg-config readelf

cmake --install "$BH_BIN/.." --prefix "$dir/first" >"$dir/cmake" 2>&1 ||
	fail "cmake --install: $(tail -n 5 "$dir/cmake")"
mv "$dir/first" "$dir/prefix"
BH_BIN=$dir/prefix/bin
for program in "$BH_BIN"/*; do
	readelf -d "$program" | grep -E 'R(UN)?PATH' && fail "${program##*/} looks for libraries in the build tree"
done

start
hello || fail "the installed demo does not answer"
[ "$(status '.services[0].name')" = http ] || fail "the installed bhctl does not know the demo"
stop
note "the demo runs where it is installed"

cat >"$dir/mine.c" <<'C'
#include <bulkhead/bulkhead.h>
static int64_t greet(void *peer)
{
	return bh_write(*(bh_io *)peer, "mine\n", 5, bh_after(BH_S(5))) < 0;
}
static int64_t serve(void *unused)
{
	(void)unused;
	return bh_serve(0, greet, NULL);
}
const struct bh_service bulkhead_service = { .size = sizeof(struct bh_service), .name = "mine", .main = serve };
C
served() { # MODULE
	local line
	printf 'services: [{name: mine, module: %s}]\n' "$1" >"$dir/mine.yaml"
	start "$dir/mine.yaml"
	exec 3<>"/dev/tcp/127.0.0.1/$port"
	read -r -t 120 -u 3 line
	exec 3>&-
	[ "$line" = mine ] || fail "the service of $1 says '$line'"
	[ "$(status '.services[0].name')" = mine ] || fail "bhctl does not know the service of $1"
	stop
}

read -ra flags < <(PKG_CONFIG_PATH=$dir/prefix/lib/pkgconfig pkg-config --cflags bulkhead)
[[ " ${flags[*]} " == *" -fstack-clash-protection "* ]] || fail "pkg-config names no stack probes: ${flags[*]}"
(cd "$dir" && cc -O2 -Wall -Wextra -Werror "${flags[@]}" -shared -o mine.so mine.c) || fail "no module with pkg-config: ${flags[*]}"
served ./mine.so
note "a module built with pkg-config is served"

mkdir "$dir/project" && cp "$dir/mine.c" "$dir/project"
cat >"$dir/project/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.16)
project(project LANGUAGES C)
find_package(bulkhead 0.1 REQUIRED)
add_library(mine MODULE mine.c)
target_link_libraries(mine PRIVATE bulkhead::headers)
CMAKE
{ cmake -S "$dir/project" -B "$dir/project/build" -DCMAKE_PREFIX_PATH="$dir/prefix" &&
	cmake --build "$dir/project/build" --verbose; } >"$dir/cmake" 2>&1 || fail "with CMake: $(tail -n 5 "$dir/cmake")"
grep -q fstack-clash-protection "$dir/cmake" || fail "bulkhead::headers has no stack probes"
served ./project/build/libmine.so
note "a module built with find_package() is served"
