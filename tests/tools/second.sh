#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tools/check gives a second try to whole systems, once, and names those that needed it; a
# test of anything else that fails has failed. With a ctest that fails as it is told.
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
fail() {
	echo "FAIL: $*" >&2
	cat "$dir/said" >&2
	exit 1
}

dir=$(mktemp -d "${TMPDIR:-/tmp}/bh-second.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/bin" "$dir/tools" "$dir/build/dev/Testing/Temporary"
cp "$root/tools/check" "$root/tools/setup.sh" "$dir/tools/"
: >"$dir/tools/packages"
: >"$dir/build/dev/build.ninja"
echo "CMAKE_HOME_DIRECTORY:INTERNAL=$dir" >"$dir/build/dev/CMakeCache.txt"
printf '#!/bin/sh\necho ninja: no work to do.\n' >"$dir/bin/ninja"
# Each call takes a line of $dir/fails: what fails in it.
cat >"$dir/bin/ctest" <<'CTEST'
#!/bin/bash
case " $* " in
*" -N "*)
	printf '  Test  #1: e2e.a\n  Test #12: e2e.b\n'
	exit 0
	;;
esac
echo "called: $*"
read -r -a fails <"$SECOND/fails"
sed -i 1d "$SECOND/fails"
[ "${#fails[@]}" -gt 0 ] || exit 0
sleep 0.02 # a later time than that of what was made before
printf '7:%s\n' "${fails[@]}" >"$SECOND/build/dev/Testing/Temporary/LastTestsFailed.log"
exit 8
CTEST
chmod +x "$dir/bin/"*

# check CODE WORDS FAILS...: with what fails at the first call, at the second.
check() {
	local code=$1 words=$2
	shift 2
	printf '%s\n' "$@" '' >"$dir/fails"
	SECOND=$dir PATH=$dir/bin:$PATH sh "$dir/tools/check" --quick >"$dir/said" 2>&1
	[ $? = "$code" ] || fail "$*: not exit code $code"
	grep -qxF "tools/check: $words" "$dir/said" || fail "$*: it does not say '$words'"
}
check 0 "testing build/dev" ""
[ "$(grep -c called "$dir/said")" = 1 ] || fail "all passed, and are run again"
check 0 "passed at the second try alone: dev/e2e.a" "e2e.a" ""
grep -qF -e '-R ^(e2e\.a)$' "$dir/said" || fail "others are run again, too"
check 1 "failed: dev/e2e.a" "e2e.a" "e2e.a"
check 1 "failed: dev/ipc.x" "ipc.x" ""
[ "$(grep -c called "$dir/said")" = 1 ] || fail "a unit test is run again"
check 1 "passed at the second try alone: dev/e2e.b" "ipc.x e2e.a e2e.b" "e2e.a"
grep -qxF "tools/check: failed: dev/ipc.x dev/e2e.a" "$dir/said" || fail "not all that failed are named"
grep -q ipc.x "$dir/build/dev/Testing/Temporary/LastTestsFailed.log" || fail "--rerun-failed would not know them"
rm "$dir/build/dev/Testing/Temporary/LastTestsFailed.log"
printf '#!/bin/sh\nexit 8\n' >"$dir/bin/ctest"
check 1 "failed: dev/ctest" ""
exit 0
