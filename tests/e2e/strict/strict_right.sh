#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# --strict has nothing to tell of a service that does it right: malloc() between two waits,
# streams, errno, threads, processes, exceptions, what init() made, what is marked or pinned.
. "$(dirname "$0")/../lib.sh"
[ -e "$BH_CLIENTS/strict_right.so" ] || skip "built without C++"

cat >"$dir/right.yaml" <<YAML
trace: false
services: [{name: right, module: '$BH_CLIENTS/strict_right.so', workers: 3}]
YAML
for how in "" --strict; do
	note "it does what it should ${how:-without}"
	# shellcheck disable=SC2086
	timeout 200 "$BH_BIN/bulkhead" run --admin "$BULKHEAD_ADMIN" $how "$dir/right.yaml" >"$dir/out" 2>"$log" </dev/null ||
		fail "exit code $?"
	grep -qx 'right 4' "$dir/out" || fail "not all is right: $(grep right "$dir/out")"
	grep -F 'strict: ' "$log" && fail "something is told"
	grep -q ' died of ' "$log" && fail "a worker died"
done

[ -e "$BH_CLIENTS/sqlite.so" ] || exit 0
note "a library that is marked, with a connection of each process's own"
cat >"$dir/sqlite.yaml" <<YAML
trace: false
services:
  - name: sqlite
    module: $BH_CLIENTS/sqlite.so
    workers: 2
    options: {file: "$dir/db", mode: wal, from: tasks, kill: 0}
YAML
timeout 200 "$BH_BIN/bulkhead" run --admin "$BULKHEAD_ADMIN" --strict "$dir/sqlite.yaml" >"$log" 2>&1 </dev/null ||
	fail "exit code $?"
grep -F 'strict: ' "$log" && fail "something is told"
grep -q '^sqlite: acknowledged .* integrity ok' "$log" || fail "SQLite does not do what it does without"
exit 0
