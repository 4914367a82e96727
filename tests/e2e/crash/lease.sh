#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A worker that is stuck in user code stalls nobody's connections.
. "$(dirname "$0")/../lib.sh"
need curl jq

spinning() { status '.services[0].workers[] | select(.task_name == "http.spin") | .pid' | grep -q .; }

start --workers 2
curl -s -m 120 "$url/spin?ms=10000" >/dev/null &
await spinning || fail "it does not spin"
urls=()
for i in {1..50}; do
	hello || fail "request $i, beside a worker that spins, is not answered"
	urls+=("$url/hello")
done
[ "$(curl -s -m 120 "${urls[@]}" | grep -o Bulkhead | wc -l)" = 50 ] ||
	fail "not all requests of one connection are answered"
note "100 answered beside a worker that spins"
kill -KILL "$(status '.services[0].workers[] | select(.task_name == "http.spin") | .pid')" 2>/dev/null ||
	note "the loop was over before the last answer"
await workers_up 2 || fail "the worker is not back"

# With the holder killed, the next one goes on.
for round in 1 2 3 4; do
	mapfile -t workers < <(worker_pids)
	kill -KILL "${workers[round % 2]}"
	hello || fail "no answer after kill $round"
	await workers_up 2 || fail "the worker is not back"
done
note "4 workers killed"
stop

# With 17 workers there are three epoll instances, with one worker still: none is left
# alone, nor when a new kernel takes them up.
cat >"$dir/many.yaml" <<'YAML'
services:
  - name: http
    listen: ["127.0.0.1:0"]
    workers: 17
YAML
start "$dir/many.yaml"
workers_up 17 || fail "it does not start with 17 workers"
coproc HOLD { "$BH_CLIENTS/hold" "$port" 12; }
read -r -t 120 _ <&"${HOLD[0]}" || fail "hold does not start"
answered() {
	echo >&"${HOLD[1]}"
	read -r -t 120 said <&"${HOLD[0]}" || fail "no answers with $1"
	[ "$said" = "answered 12 lost 0" ] || fail "with $1: $said"
}
slots() { [ "$(status '.services[0].workers | length')" = "$1" ] && workers_up "$1"; }
answered "17 workers"
for n in 1 2 17; do
	bhctl workers --set "$n" >/dev/null || fail "--set $n is refused"
	await slots "$n" || fail "there are not $n workers: $(bhctl workers)"
	answered "$n workers"
	kill -KILL "$(status .kernel.pid)"
	answered "$n workers and a new kernel"
	await hello || fail "with $n workers and a new kernel it takes no connection"
done
note "12 connections of three instances kept"
bhctl audit >/dev/null || fail "audit: $(bhctl audit)"
eval "exec ${HOLD[1]}>&-"
stop
