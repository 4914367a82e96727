#!/usr/bin/env bash
# format.sh SOURCE_DIR: fails for each C file that clang-format would write otherwise
# (.clang-format; by version 14, for each writes some things its own way).
set -u
cd "$1" || exit 2
if ! command -v clang-format-14 >/dev/null; then
	echo "skipped: clang-format-14 is not installed (tools/packages)"
	exit 77
fi
if [ "$(echo 'int  a ;' | clang-format-14 --assume-filename=ipc/a.c)" != 'int a;' ]; then
	echo "clang-format-14 finds nothing to do where there is something" >&2
	exit 1
fi
mapfile -t files < <(find include ipc kernel workers bpf proto tools examples tests -name '*.[ch]' | sort)
if [ "${#files[@]}" -lt 400 ]; then
	echo "only ${#files[@]} sources found below $1: the check looks in the wrong places" >&2
	exit 1
fi
if ! clang-format-14 --dry-run -Werror "${files[@]}"; then
	echo "put right by: clang-format-14 -i FILE..." >&2
	exit 1
fi
echo "${#files[@]} files are formatted"
