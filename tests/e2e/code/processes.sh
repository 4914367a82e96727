#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Processes and threads of a module's code (processes.c): forks, what a fork brings along,
# mutexes whose holder dies, threads.
. "$(dirname "$0")/../lib.sh"

# scenario NAME: runs it to its end; its words are in $log.
scenario() {
	cat >"$dir/c.yaml" <<YAML
admin: $BULKHEAD_ADMIN
grace: 200ms
trace: false
services:
  - name: processes
    module: $BH_CLIENTS/processes.so
    workers: 2
    crash: {intensity: 0}
    options: {scenario: $1, library: $BH_CLIENTS/unloaded.so}
YAML
	"$BH_BIN/bulkhead" run "$dir/c.yaml" >"$log" 2>&1 </dev/null &
	pid=$!
	ended
	pid=
}

well() {
	scenario "$1"
	{ [ "$code" = 0 ] && grep -qx ok "$log"; } || fail "$1: exit code $code"
	note "$1"
}

well fork
well init
well robust
well atfork
well threads_joined

well thread_exits
[ "$(grep -c 'main thread has ended' "$log")" = 2 ] || fail "thread_exits: the cause is not told"

scenario threads_stay
[ "$code" = 111 ] || fail "a thread of init() that stays: exit code $code, not 111"
grep -q 'init() left 1 thread' "$log" || fail "a thread of init() that stays: not told"
note threads_stay
