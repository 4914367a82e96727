#!/usr/bin/env bash
# tidy.sh SOURCE_DIR BUILD_DIR: clang-tidy has nothing to say of the sources (.clang-tidy).
set -u
tidy=$(command -v clang-tidy-14 || command -v clang-tidy) || { echo "skipped: clang-tidy is not installed"; exit 77; }
cd "$1" || exit 2
mapfile -t files < <(find ipc kernel workers -name '*.c' ! -name format_of.c | sort)
if [ "${#files[@]}" -lt 100 ]; then
	echo "only ${#files[@]} sources found below $1: the check looks in the wrong places" >&2
	exit 1
fi
printf '%s\0' "${files[@]}" |
	xargs -0 -n 4 -P "$(nproc)" "$tidy" --quiet -p "$2" 2> >(grep -v 'warnings generated' >&2)
