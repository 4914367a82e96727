#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What blocking.h promises, one system a scenario (jobs.c), and that each leaves
# nothing behind: no process, and no complaint of the audit.
. "$(dirname "$0")/../lib.sh"
need curl jq
export BULKHEAD_BIN=$BH_BIN

# run SCENARIO BLOCKING: starts it; the system ends by itself.
run() {
	cat >"$dir/jobs.yaml" <<YAML
admin: $BULKHEAD_ADMIN
grace: 200ms
trace: false
services:
  - name: jobs
    workers: 2
    blocking: $2
    crash: {intensity: 2}
    options: {scenario: $1}
YAML
	"$BH_CLIENTS/jobs" "$dir/jobs.yaml" >"$log" 2>&1 </dev/null &
	pid=$!
}

scenario() {
	run "$@"
	ended
	[ "$code" = 0 ] && grep -qx "ok $1" "$log" || fail "$1: exit code $code"
	! grep -q 'verifying scan repaired' "$log" || fail "$1: something was not recovered at once"
	note "$1"
}

scenario limit '{max: 4}'
scenario many '{}'
scenario fifo '{max: 1}'
scenario keep_alive '{keep_alive: 20ms}'
scenario abort_running '{max: 1}'
scenario abort_at_the_end '{max: 1}'
scenario abort_queued '{max: 1}'
scenario abort_with_parent '{}'
scenario crash '{}'
scenario things '{}'
scenario kernel_dies '{}'
scenario worker_dies '{}'
scenario in_place '{}'

run stopped '{}'
await grep -qx running "$log" || fail "stopped: the job does not run"
remember_family
kill -TERM "$pid"
ended
[ "$code" = 0 ] || fail "stopped: exit code $code"
nothing_left
pid=
note stopped

# The guardian, who tells how a process died, is late: one that went by itself is no
# crash all the same.
cat >"$dir/http.yaml" <<YAML
services:
  - name: http
    module: http.so
    listen: ["127.0.0.1:0"]
    blocking: {keep_alive: 100ms}
YAML
start "$dir/http.yaml"
[[ $(curl -s "$url/blocking?ms=1") == blocked* ]] || fail "late: the job is not done"
kill -STOP "$pid"
kept() { [ "$(status '.services[0].blocking.processes')" = 0 ]; }
await kept || fail "late: the process does not go: $(status '.services[0].blocking')"
kill -CONT "$pid"
[ "$(bhctl crashes --json | jq .total)" = 0 ] || fail "late: it is told as a crash: $(bhctl crashes)"
stop
note late
