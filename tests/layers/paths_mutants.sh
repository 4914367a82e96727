#!/usr/bin/env bash
# paths_mutants.sh SOURCE_DIR: paths.sh finds in a copy of the tree what is put there.
set -u
top=$(cd "$1" && pwd) || exit 2
copy=$(mktemp -d) || exit 2
trap 'rm -rf "$copy"' EXIT
failed=0
(cd "$top" && cp -r -- *.md CMakeLists.txt bpf cmake docs examples include ipc kernel proto tests tools workers "$copy")
cd "$copy" || exit 2

# finds FILE TEXT WHAT: with this line at its end, the check fails and says so.
finds() {
	local out rc
	cp "$1" "$copy.was"
	printf '%s\n' "$2" >>"$1"
	out=$(tests/layers/paths.sh . 2>&1)
	rc=$?
	if [ $rc -eq 0 ] || [[ $out != *"$3 is not there"* ]]; then
		echo "not found in $1: $3" >&2
		failed=1
	fi
	mv "$copy.was" "$1"
}

if ! tests/layers/paths.sh .; then
	echo "the copy itself is found fault with: see the test paths" >&2
	exit 1
fi

finds README.md 'See `kernel/main.h`.' kernel/main.h
finds docs/guide.md '(tests/e2e/one.sh)' tests/e2e/one.sh
finds docs/guide.md '[one](../docs/one.md#two)' docs/one.md
finds tools/bhctl/main.c '/* ipc/one.pml, */' ipc/one.pml
finds tests/e2e/lib.sh '. "$root/tests/e2e/one.sh"' tests/e2e/one.sh
finds CMakeLists.txt '# bpf/one.c.' bpf/one.c
finds ipc/arena/task.h '/* one.c */' one.c
finds kernel/main.c '// service/heir.h
/* what
 * base/heir.c does */' base/heir.c
finds workers/base/context_x86_64.S '/* (one.S) */' one.S
finds kernel/README.md '`service/loop.c`' service/loop.c

[ $failed -eq 0 ] && echo "everything that was put there was found"
exit $failed
