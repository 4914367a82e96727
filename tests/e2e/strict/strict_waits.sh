#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# --strict: what a task keeps across a wait and is its process's own is told of, with the
# place, the task and what to do instead: pointers into private memory, thread-locals,
# libraries' globals, and what system calls store.
. "$(dirname "$0")/../lib.sh"
source=$(dirname "$0")/strict_waits.c

cat >"$dir/strict.yaml" <<YAML
trace: false
services: [{name: strict, module: '$BH_CLIENTS/strict_waits.so', workers: 1}]
YAML
timeout 200 "$BH_BIN/bulkhead" run --admin "$BULKHEAD_ADMIN" --strict "$dir/strict.yaml" >"$dir/out" 2>"$log" </dev/null ||
	fail "exit code $?"

at() { grep -n "/\* $1 \*/" "$source" | cut -d: -f1; }
tells() { # tells TASK PATTERN INSTEAD
	grep -E "^20[^ ]*Z strict\\[$1 0x[0-9a-f]+\\]: strict: $2: " "$log" | grep -qF "$3" ||
		fail "$1: no line of '$2' with '$3': $(grep -F 'strict: ' "$log" | cut -c1-200)"
}
does() { grep -qx "strict.$1: $2" "$dir/out" || fail "strict.$1 came to $(grep "strict.$1:" "$dir/out"), not $2"; }
lines=0
expect() { tells "$@" && lines=$((lines + 1)); }

note "one worker is not enough to find what a wait breaks, and there are two"
grep -qF 'strict: service strict runs with 2 workers, not 1' "$log" || fail "it does not say so"

if [ "$BH_SLOW" = 1 ]; then # sanitizers have a malloc() of their own
	note "a pointer from malloc() or mmap(): stored to, read, freed, given to a system call, passed on"
	pointer="a pointer into private memory of worker [01] \(pid [0-9]+\) is"
	expect strict.store "$pointer used in store\(\) at strict_waits.c:$(at stores)" "bh_alloc()"
	expect strict.load "$pointer used in load\(\) at strict_waits.c:$(at loads)" "on the task's stack"
	expect strict.release "$pointer used in release\(\) at strict_waits.c:$(at frees)" "bh_alloc()"
	expect strict.hand "$pointer given to a system call in hand\(\) at strict_waits.c:$(at hands)" "bh_alloc()"
	expect '[^ ]*use' "$pointer used in use\(\) at strict_waits.c:$(at 'is given')" "in its argument"
	does store -11
	does load -11
	does release -11
	does hand -1
	does pass -11
fi

note "a thread-local that was changed before a wait, in fibers and polls"
expect strict.remember "thread-local .last. was changed before the wait in remember\(\) at strict_waits.c:$(at remembers)" "BH_PRIVATE_TLS"
expect strict.polled "thread-local .last. was changed before the wait in remember_polled\(\) at strict_waits.c:$(at polls)" "bh_alloc()"
does remember 1

note "a library's global, unless the library is marked"
expect strict.borrow ".strictly_shared_count. of libstrictly_shared.so is written in strictly_shared\(\) at strict_lib.c:[0-9]+, called in borrow\(\) at strict_waits.c:$(at borrows)" "BH_PRIVATE_LIBRARY()"
does borrow 2

note "what a system call stores into a global; and it does what it does without"
expect strict.receive ".text. is written by a system call in receive\(\) at strict_waits.c:$(at reads)" "bh_alloc()"
expect strict.receive ".text. is written by a system call in receive\(\) at strict_waits.c:$(at 'reads a vector')" "bh_alloc()"
expect strict.file ".page. is written by a system call in load_file\(\) at strict_waits.c:$(at 'reads a file')" "bh_alloc()"
does receive 4
does file 1

note "nothing else is told"
told=$(grep -c '\]: strict: ' "$log")
[ "$told" = "$lines" ] || fail "$told lines, not $lines: $(grep -F ']: strict: ' "$log" | cut -c1-200)"
for right in own unchanged cache strictly_private; do
	grep -q "strict: .*\`$right" "$log" && fail "$right is told"
done
exit 0
