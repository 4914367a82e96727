#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A worker that is stuck in user code stalls nobody's connections.
. "$(dirname "$0")/lib.sh"
need curl jq

spinning() { status '.services[0].workers[] | select(.task_name == "http.spin") | .pid' | grep -q .; }

start --workers 2
curl -s -m 60 "$url/spin?ms=10000" >/dev/null &
within 5 spinning || fail "it does not spin"
urls=()
for i in {1..50}; do
	hello || fail "request $i, beside a worker that spins, is not answered"
	urls+=("$url/hello")
done
[ "$(curl -s -m 20 "${urls[@]}" | grep -o Bulkhead | wc -l)" = 50 ] ||
	fail "not all requests of one connection are answered"
note "100 answered beside a worker that spins"
kill -KILL "$(status '.services[0].workers[] | select(.task_name == "http.spin") | .pid')" 2>/dev/null ||
	note "the loop was over before the last answer"
within 5 workers_up 2 || fail "the worker is not back"

# With the holder killed, the next one goes on.
for round in 1 2 3 4; do
	mapfile -t workers < <(worker_pids)
	kill -KILL "${workers[round % 2]}"
	hello || fail "no answer after kill $round"
	within 5 workers_up 2 || fail "the worker is not back"
done
note "4 workers killed"
stop
