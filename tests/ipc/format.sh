#!/bin/sh
# SPDX-License-Identifier: MIT
# format.sh CMAKE CC SOURCE_DIR: the number of the shared memory's format changes with what
# lays it out, and with nothing else.
set -eu
cmake=$1 cc=$2 from=$3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/tree"
cp -r "$from/ipc" "$from/include" "$dir/tree/"

number() {
	"$cmake" -DCOMPILER="$cc" -DINCLUDE="$dir/tree" -DSOURCE="$dir/tree/ipc/format_of.c" \
		-DOUT="$dir/format.c" -P "$from/cmake/Format.cmake"
	sed -n 's/.*= \(0x[0-9a-f]\{8\}\)u;/\1/p' "$dir/format.c"
}
change() { # FILE EXPRESSION: and then it is as it was
	cp "$dir/tree/$1" "$dir/kept"
	sed -i "$2" "$dir/tree/$1"
	! cmp -s "$dir/kept" "$dir/tree/$1" || { echo "FAIL: $2 changes nothing in $1"; exit 1; }
	now=$(number)
	cp "$dir/kept" "$dir/tree/$1"
}
differs() {
	change "$@"
	[ "$now" != "$was" ] || { echo "FAIL: the same number after $2 in $1"; exit 1; }
}
same() {
	change "$@"
	[ "$now" = "$was" ] || { echo "FAIL: another number after $2 in $1"; exit 1; }
}

was=$(number)
[ -n "$was" ] || { echo "FAIL: no number"; exit 1; }
same ipc/system/board.h 's|^struct bh_proc {|/* A comment. */\n\nstruct bh_proc  {|'
differs ipc/system/board.h 's/int32_t pidfd;/int64_t pidfd;/'
differs ipc/system/board.h '/^	uint32_t restarts;/{h;d};/^	uint32_t failures;/{G}' # exchanged
differs ipc/system/plan.h 's/BH_PLAN_OPTIONS = 32/BH_PLAN_OPTIONS = 33/'
differs ipc/system/control.h 's/^	BH_CTL_HELLO,/	BH_CTL_NEW,\n	BH_CTL_HELLO,/'
differs ipc/arena/arena.h 's/0x200000000000ull/0x210000000000ull/'
differs include/bulkhead/service.h "s/uint64_t polls, steals/uint64_t steals, polls/"
