#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every function of the public API is used in an example or in a guide whose code is
# compiled, and the tour of the API says what it should.
. "$(dirname "$0")/lib.sh"
root=$(cd "$(dirname "$0")/../.." && pwd)

missing=0
while read -r name; do
	grep -rqw --include='*.[ch]' "$name" "$root/examples" && continue
	echo "no example uses $name"
	missing=$((missing + 1))
done < <(grep -h -A1 BH_API "$root"/include/bulkhead/*.h | grep -oE '\<bh_[a-z_0-9]+\(' | tr -d '(' |
	sort -u)
[ "$missing" = 0 ] || fail "$missing public functions without an example in examples/"

timeout 100 "$BH_BIN/tour" --workers 2 --admin "$BULKHEAD_ADMIN" >"$dir/out" 2>"$log" ||
	fail "the tour ended with exit code $?"
sed -i '/^bulkhead /d; /^admin endpoint/d' "$dir/out"
diff "$root/examples/tour/tour.out" "$dir/out" || fail "the tour says something else"
