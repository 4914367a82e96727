#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# --strict: a task that writes to a global is told of, with global, function, file and
# line, and goes on; what init(), worker_init() and marked globals do is not.
. "$(dirname "$0")/../lib.sh"
source=$(dirname "$0")/strict.c

cat >"$dir/strict.yaml" <<YAML
trace: false
services: [{name: strict, module: '$BH_CLIENTS/strict.so', workers: 1}]
YAML
run() { # run [--strict]
	timeout 200 "$BH_BIN/bulkhead" run --admin "$BULKHEAD_ADMIN" "$@" "$dir/strict.yaml" >"$dir/out" 2>"$log" </dev/null ||
		fail "exit code $?"
}
at() { grep -n "/\* $1 \*/" "$source" | cut -d: -f1; }
told() { grep -c '\]: strict: ' "$log"; }

note "without it nothing is told"
run
[ "$(told)" = 0 ] || fail "it is told"
cp "$dir/out" "$dir/plain"

note "with it each place is told, once, with the task"
run --strict
tells() { # tells TASK GLOBAL FUNCTION LINE
	grep -qE "^20[^ ]*Z strict\\[strict\\.$1 0x[0-9a-f]+\\]: strict: .$2. is written in $3\\(\\) at strict.c:$4: " "$log" ||
		fail "nothing of $2 in $3() at line $4: $(grep -F 'strict: ' "$log")"
}
tells count counter count "$(at counts)"
tells copy text copy "$(at fills)"
[ "$(told)" = 2 ] || fail "a place is told more than once, or another one: $(grep -F 'strict: ' "$log")"
for global in own unchanged by_init by_worker_init; do
	grep -q "strict: .$global. " "$log" && fail "$global is told"
done

note "and the program does what it does without"
diff <(grep -E '^(values|filled|crashed|again)' "$dir/plain") <(grep -E '^(values|filled|crashed|again)' "$dir/out") ||
	fail "it does something else"
grep -q '^crashed -11' "$dir/out" || fail "a wild write is no crash"
