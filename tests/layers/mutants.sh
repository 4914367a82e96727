#!/usr/bin/env bash
# mutants.sh SOURCE_DIR: layers.sh finds in a copy of the sources what is put there.
set -u
top=$(cd "$1" && pwd) || exit 2
here=$(cd "$(dirname "$0")" && pwd)
copy=$(mktemp -d) || exit 2
trap 'rm -rf "$copy"' EXIT
failed=0

mkdir -p "$copy/tests/layers"
cp "$here/layers.sh" "$copy/tests/layers"
(cd "$top" && cp -r include ipc kernel workers bpf proto tools "$copy")
cd "$copy" || exit 2

# What was put there goes again.
fresh() {
	find . -name 'one.[ch]' -delete -o -name 'two.[ch]' -delete
}

# finds WHAT: the last change made the check fail and say so.
finds() {
	local out rc
	out=$(tests/layers/layers.sh . 2>&1)
	rc=$?
	if [ $rc -eq 0 ] || [[ $out != *"$1"* ]]; then
		echo "not found: $1" >&2
		failed=1
	fi
	fresh
}

# passes WHAT: the last change is found no fault with.
passes() {
	if ! tests/layers/layers.sh . >/dev/null; then
		echo "found fault with: $1" >&2
		failed=1
	fi
	fresh
}

if ! tests/layers/layers.sh . >/dev/null; then
	echo "the copy itself is found fault with: see the test layers" >&2
	exit 1
fi

echo '#include "workers/base/rt.h"' >kernel/one.c
finds 'folder: kernel/one.c includes workers/'

echo '#include "kernel/base/state.h"' >ipc/one.c
finds 'folder: ipc/one.c includes kernel/'

mkdir -p kernel/base kernel/system
echo >kernel/system/one.h
echo '#include "kernel/system/one.h"' >kernel/base/two.c
finds 'room: kernel/base/two.c includes kernel/system/one.h'

mkdir -p kernel/guardian kernel/process
echo >kernel/process/one.h
echo '#include "kernel/process/one.h"' >kernel/guardian/two.c
finds 'room: kernel/guardian/two.c includes kernel/process/one.h'

mkdir -p kernel/base kernel/guardian
echo >kernel/base/one.h
echo '#include "kernel/base/one.h"' >kernel/guardian/two.c
passes 'a guardian that uses the ground'

echo >kernel/one.h
echo '#include "one.h"' >kernel/two.c
finds 'path: kernel/two.c includes "one.h"'

echo '#include "kernel/two.h"' >kernel/one.h
echo '#include "kernel/one.h"' >kernel/two.c
echo >kernel/two.h
finds 'circle: kernel/one is in a circle with kernel/two'

# By a function that is named, and nothing that is included.
printf 'void bh_one(void);\n' >kernel/one.h
printf 'void bh_one(void)\n{\n\tbh_two();\n}\n' >kernel/one.c
printf 'void bh_two(void);\n' >kernel/two.h
printf 'void bh_two(void)\n{\n\t/* bh_three() */\n\tbh_one();\n}\n' >kernel/two.c
finds 'circle: kernel/two is in a circle with kernel/one'

printf 'int bh_one(int a,\n\t   int b)\n{\n\treturn a + b;\n}\n' >kernel/one.c
printf 'int bh_one(int a, int b);\n' >kernel/two.h
finds 'door: kernel/one.c has bh_one()'

yes '' | head -151 >kernel/one.h
finds 'size: kernel/one.h has 151 lines'

for i in $(seq 26); do echo "void bh_one_$i(void);"; done >kernel/one.h
finds 'size: kernel/one.h has 26 lines and 26 functions'

mkdir -p ipc/one
for i in $(seq 20); do echo >"ipc/one/$i.txt"; done
passes 'a folder of 20 files'
echo >ipc/one/21.txt
finds 'crowd: ipc/one/ has 21 files'
rm -r ipc/one

rm -rf kernel workers tools
finds 'the check looks in the wrong places'

[ $failed -eq 0 ] && echo "everything that was put there was found"
exit $failed
