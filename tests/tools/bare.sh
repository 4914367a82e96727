#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A release is configured with what Bulkhead itself is built from: without Check the tests are
# left out, and cmake says so.
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
fail() {
	echo "FAIL: $*" >&2
	exit 1
}

dir=$(mktemp -d "${TMPDIR:-/tmp}/bh-bare.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/pc"
IFS=: read -r -a folders <<<"$(pkg-config --variable pc_path pkg-config)"
find "${folders[@]}" -name '*.pc' ! -name check.pc -exec ln -sf -t "$dir/pc" {} + 2>/dev/null
export PKG_CONFIG_LIBDIR=$dir/pc
pkg-config --exists check && fail "Check could not be hidden"

cmake --preset release -S "$root" -B "$dir/build" -DBH_WITH_BPF=OFF >"$dir/said" 2>&1 ||
	fail "configuring fails: $(cat "$dir/said")"
grep -q 'Check is not installed.*the tests are left out' "$dir/said" ||
	fail "cmake does not say what it left out: $(cat "$dir/said")"
ninja -C "$dir/build" -t targets all >"$dir/targets" || fail "no targets"
grep -q 'bin/bulkhead-kernel:' "$dir/targets" || fail "the kernel is not built"
grep 'test_' "$dir/targets" && fail "tests are built all the same"
exit 0
