#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SQLite in a service of several processes (sqlite.c): what was acknowledged is in the file,
# and the file is sound, also when processes are killed in their transactions.
. "$(dirname "$0")/../lib.sh"
[ -e "$BH_CLIENTS/sqlite.so" ] || skip "built without SQLite"

# try MODE FROM KILL: one system, which ends by itself.
try() {
	rm -f "$dir"/db*
	cat >"$dir/sqlite.yaml" <<YAML
admin: $BULKHEAD_ADMIN
trace: false
services:
  - name: sqlite
    module: $BH_CLIENTS/sqlite.so
    workers: 2
    blocking: {max: 3}
    crash: {intensity: 0}
    restart: {backoff_min: 1ms, backoff_max: 5ms}
    options: {file: "$dir/db", mode: $1, from: $2, kill: $3}
YAML
	"$BH_BIN/bulkhead" run "$dir/sqlite.yaml" >"$log" 2>&1 </dev/null &
	pid=$!
	ended
	pid=
	read -r acknowledged counter killed failed sound < <(sed -n \
		's/^sqlite: acknowledged \(.*\) counter \(.*\) killed \(.*\) failed \(.*\) integrity \(.*\)/\1 \2 \3 \4 \5/p' "$log")
	note "$1, $2, kill $3: $acknowledged acknowledged, counter $counter, $killed killed, $failed failed, $sound"
	[ "${sound:-}" = ok ] && [ "$failed" = 0 ] && [ "$counter" = "$acknowledged" ] || fail "$1, $2, kill $3"
	[ "$killed" -ge 3 ] && [ "$acknowledged" -ge 30 ] || fail "too few of one kind"
}

for mode in wal delete; do
	for from in jobs tasks; do
		try $mode $from 11
	done
done
