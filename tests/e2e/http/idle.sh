#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# 1,000 idle keep-alive connections survive the death of both workers at once.
. "$(dirname "$0")/../lib.sh"
need curl jq
count=${1:-1000}

start
coproc HOLD { "$BH_CLIENTS/hold" "$port" "$count"; }
hold_in=${HOLD[1]} hold_out=${HOLD[0]}
read -r -t 120 line <&"$hold_out" || fail "the connections were not made"
[ "$line" = ready ] || fail "the client says $line"
[ "$(status '.services[0].io.open')" -ge "$count" ] || fail "the status does not count the connections"

for round in 1 2 3; do
	mapfile -t before < <(worker_pids)
	[ "${#before[@]}" = 2 ] || fail "there are ${#before[@]} workers"
	kill -KILL "${before[@]}"
	for p in "${before[@]}"; do
		await gone "$p" || fail "worker $p does not die"
	done
	echo again >&"$hold_in"
	read -r -t 120 line <&"$hold_out" || fail "no answer in round $round"
	[ "$line" = "answered $count lost 0" ] || fail "round $round: $line"
	note "round $round: $line"
	await workers_up 2 || fail "the workers are not back"
done
eval "exec $hold_in>&-"
settled() { [ "$(status '.services[0].tasks.live')" = 1 ]; }
await settled || fail "live tasks: $(status .services[0].tasks.live)"
stop
