#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# kill -9 of admind: it comes back; the service is not touched.
. "$(dirname "$0")/../lib.sh"
need curl jq

start
hello || fail "/hello does not answer"
"$BH_CLIENTS/ledger" -c 4 -d 8 "$port" >"$dir/ledger" 2>&1 &
ledger_pid=$!
workers=$(worker_pids)
answers() { bhctl status >/dev/null 2>&1; }

for round in 1 2 3; do
	admind=$(children "$pid" bulkhead-admind)
	[ -n "$admind" ] || fail "admind is not a child of the guardian"
	sleep 1.2 # one that dies young is started again later each time
	kill -KILL "$admind"
	begin=$(now_ms)
	await gone "$admind" || fail "admind does not die"
	await answers || fail "admind is not back"
	note "round $round: back after $(($(now_ms) - begin)) ms"
	hello || fail "the service was touched"
done
wait "$ledger_pid" || fail "requests were lost: $(cat "$dir/ledger")"
jq -e '.sent == .ok' "$dir/ledger" >/dev/null || fail "requests were lost: $(cat "$dir/ledger")"
[ "$(worker_pids)" = "$workers" ] || fail "a worker was replaced"
stop
