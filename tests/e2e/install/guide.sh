#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every block of C and C++ in the README and the guide compiles as it stands there.
set -u -o pipefail
root=$(cd "$(dirname "$0")/../../.." && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/bh-e2e.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
: "${CC:=cc}" "${CXX:=c++}"
flags=(-D_GNU_SOURCE -Wall -Wextra -Wno-unused-function -Werror -fsyntax-only -I "$root/include")
command -v "$CC" >/dev/null || { echo "SKIP: $CC is not installed"; exit 77; }

blocks=0
for page in README.md docs/guide.md; do
	awk -v out="$dir/block" '
		/^```c$/ { inside = 1; file = out "." NR ".c"; next }
		/^```cpp$/ { inside = 1; file = out "." NR ".cc"; next }
		/^```/ { inside = 0 }
		inside { print > file }' "$root/$page"
	for block in "$dir"/block.*.c*; do
		[ -e "$block" ] || continue
		compile=("$CC" -std=gnu17)
		[ "${block##*.}" = c ] || compile=("$CXX" -std=c++17)
		if command -v "${compile[0]}" >/dev/null && ! "${compile[@]}" "${flags[@]}" "$block"; then
			line=${block%.c*}
			echo "FAIL: the block at $page:${line##*.} does not compile"
			exit 1
		fi
		blocks=$((blocks + 1))
		rm "$block"
	done
done
[ "$blocks" -ge 8 ] || { echo "FAIL: only $blocks blocks were found"; exit 1; }
echo "$blocks blocks compile"
