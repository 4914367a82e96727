#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# examples/udp: datagrams, and Unix ones, come back to clients that know nothing of Bulkhead;
# a kill of its worker, which only waits for
# them, is not noticed.
. "$(dirname "$0")/../lib.sh"
need socat
bulkhead=$BH_BIN/bulkhead

up() { # ADDRESS
	printf 'services: [{name: udp, module: udp.so, workers: 1, options: {at: "%s"}}]\n' "$1" >"$dir/udp.yaml"
	"$bulkhead" run --admin "$BULKHEAD_ADMIN" "$dir/udp.yaml" >"$dir/out" 2>"$log" </dev/null &
	pid=$!
	await grep -q '^echoing at ' "$dir/out" || fail "it does not open $1"
	remember_family
}
at() { sed -n 's/^echoing at //p' "$dir/out" | tail -n 1; }
# check WHEN: what a client sends comes back to it.
check() {
	local text got
	coproc socat { exec socat -b 8192 - "$client"; }
	for text in "a datagram" "another one" x; do
		printf '%s' "$text" >&"${socat[1]}"
		read -r -t 120 -N ${#text} -u "${socat[0]}" got
		[ "$got" = "$text" ] || fail "$1: '$text' does not come back, but '$got'"
	done
	# shellcheck disable=SC2154 # set by coproc
	kill "$socat_PID"
	wait "$socat_PID"
}

note "by UDP"
up 127.0.0.1:0
client=UDP:$(at)
check "UDP"
note "after a kill"
worker_pids | xargs kill -KILL
await workers_up 1 || fail "the worker is not back"
check "after a kill"
stop

note "by a Unix path"
up "unix:$dir/echo.sock"
client=UNIX-SENDTO:$dir/echo.sock,bind=$dir/client.sock
check "Unix"
stop
