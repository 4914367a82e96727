#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Bytes that are no HTTP: refused, logged, and nothing lost. BH_SEED repeats.
. "$(dirname "$0")/../lib.sh"
need curl jq
count=${1:-1500}

start
hello || fail "/hello does not answer"
workers=$(worker_pids)
"$BH_CLIENTS/ledger" -c 2 -d 5 "$port" >"$dir/ledger" 2>&1 &
ledger_pid=$!
"$BH_CLIENTS/garbage" "$port" "$count" || fail "garbage was answered with garbage, or not at all"
wait "$ledger_pid" || fail "requests were lost beside it: $(cat "$dir/ledger")"

[ "$(worker_pids)" = "$workers" ] || fail "garbage killed a worker"
[ "$(status '.services[0].tasks.crashed')" = 0 ] || fail "garbage crashed a task"
grep -q 'http: refused a request: 4' "$log" || fail "nothing was logged"
[ "$(wc -l <"$log")" -lt 200 ] || fail "the log was flooded: $(wc -l <"$log") lines"
settled() { [ "$(status '.services[0].tasks.live')" = 1 ]; }
await settled || fail "$(status '.services[0].tasks.live') tasks are left"
hello || fail "/hello does not answer after it"
stop
