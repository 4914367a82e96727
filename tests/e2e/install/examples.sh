#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every function of the public API is used in an example or in a guide whose code is
# compiled, and the tour of the API says what it should.
. "$(dirname "$0")/../lib.sh"
root=$(cd "$(dirname "$0")/../../.." && pwd)

missing=0
while read -r name; do
	grep -rqw --include='*.[ch]' "$name" "$root/examples" && continue
	echo "no example uses $name"
	missing=$((missing + 1))
done < <(grep -h -A1 BH_API "$root"/include/bulkhead/*.h | grep -oE '\<bh_[a-z_0-9]+\(' | tr -d '(' |
	sort -u)
[ "$missing" = 0 ] || fail "$missing public functions without an example in examples/"

timeout 200 "$BH_BIN/tour" --workers 2 --admin "$BULKHEAD_ADMIN" >"$dir/out" 2>"$log" ||
	fail "the tour ended with exit code $?"
sed -i '/^bulkhead /d; /^admin endpoint/d' "$dir/out"
diff "$root/examples/tour/tour.out" "$dir/out" || fail "the tour says something else"
note "the tour of the API says what it should"

[ -e "$BH_BIN/../lib/bulkhead/cxx.so" ] || exit 0 # there is no C++ compiler
printf 'services: [{name: cxx, module: cxx.so}]\n' >"$dir/cxx.yaml"
start "$dir/cxx.yaml"
for client in 3 4 5; do
	eval "exec $client<>/dev/tcp/127.0.0.1/$port"
	printf '%s\n' "$client" "two $client" -7 >&$client
done
for client in 3 4 5; do
	for answer in "$((client / 2)).$((client % 2 * 5))00000" "stod: not a number: two $client" -3.500000; do
		read -r -t 120 -u $client line
		[ "$line" = "$answer" ] || fail "client $client of the C++ example gets '$line', not '$answer'"
	done
done
stop
note "the example in C++ answers, with its exceptions over waits"
