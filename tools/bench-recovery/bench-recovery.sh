#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# bench-recovery [KILLS [PART...]]: what deaths cost those who live; BH_BIN is the
# directory of the programs. On an idle machine; 200 kills for each size. The parts
# are worker, kernel, crashes and flood; by default all.
#
# 1. From SIGKILL to the first poll in the new worker of the same slot, with
#    more and more live tasks (poll tasks that sleep).
# 2. What a client and a timer notice when the kernel is killed, likewise: 20 kills.
# 3. Throughput of /hello while 100 tasks a second crash, against undisturbed,
#    in turns.
# 4. What four clients of /hello notice of clients that crash a handler with each
#    request, and send the next one when they are answered: with none, 1 and 4
#    of them, in turns.
. "$(dirname "$0")/../../tests/e2e/lib.sh"
need curl jq
kills=${1:-200}
parts=${*:2}
parts=" ${parts:-worker kernel crashes flood} "
wanted() { [[ $parts == *" $1 "* ]]; }
rounds=${BH_ROUNDS:-5}

echo "$(nproc) CPUs, load $(cut -d' ' -f1-3 /proc/loadavg), Linux $(uname -r)"
ready() { [ "$(bhctl status --json 2>/dev/null | jq -r .state)" = running ]; }
# bench TASKS [LISTEN]: a system with so many sleepers.
bench() {
	: >"$dir/page"
	truncate -s 4096 "$dir/page"
	cat >"$dir/bench.yaml" <<YAML
grace: 0
services:
  - name: recovery
    module: recovery.so
    workers: 1
    limits: {tasks: 1100000}
    crash: {intensity: 0}
    ${2:+listen: ["$2"]}
    options: {page: "$dir/page", tasks: "$1"}
YAML
	"$BH_BIN/bulkhead" run --admin "$BULKHEAD_ADMIN" "$dir/bench.yaml" >"$log" 2>&1 </dev/null &
	pid=$!
	within 20 ready || fail "it does not come up"
	remember_family
}
end_bench() {
	kill -TERM "$pid"
	ended 20
	pid=
}

if wanted worker; then
	echo "a worker is killed:"
	for tasks in 1 1000 100000 1000000; do
		bench "$tasks"
		"$BH_CLIENTS/recovery-killer" "$dir/page" "$tasks" "$kills" || fail "not measured"
		end_bench
	done
fi

if wanted kernel; then
	echo "the kernel is killed:"
	for tasks in 1 100000 1000000; do
		bench "$tasks" 127.0.0.1:0
		port=$(status '.services[0].listen[0]')
		asleep() { [ "$(status '.services[0].tasks.live')" -ge "$tasks" ]; }
		within 60 asleep || fail "the tasks do not start"
		printf '%8u tasks\n' "$tasks"
		"$BH_CLIENTS/recovery-gap" "$dir/page" "${port##*:}" "$pid" 20 || fail "not measured"
		end_bench
	done
fi

wanted crashes || wanted flood || exit 0
cat >"$dir/http.yaml" <<YAML
services:
  - name: http
    module: http.so
    workers: 2
    listen: ["127.0.0.1:0"]
    crash: {intensity: 0}
YAML
start "$dir/http.yaml"
if wanted crashes; then
	need wrk
	rate() { wrk -t1 -c32 -d3s "$url/hello" | sed -n 's|^Requests/sec: *||p'; }
	rate >/dev/null
	sum_calm=0 sum_crash=0
	for ((i = 0; i < rounds; i++)); do
		calm=$(rate)
		"$BH_CLIENTS/ledger" -c 0 -d 4 -k 100 "$port" >"$dir/ledger" &
		ledger=$!
		crash=$(rate)
		wait "$ledger"
		echo "/hello a second: $calm; with $(jq '.crashes / 4 | floor' "$dir/ledger") crashes a second: $crash"
		sum_calm=$(awk -v a="$sum_calm" -v b="$calm" 'BEGIN { print a + b }')
		sum_crash=$(awk -v a="$sum_crash" -v b="$crash" 'BEGIN { print a + b }')
	done
	awk -v a="$sum_calm" -v b="$sum_crash" 'BEGIN { printf "ratio %.3f\n", b / a }'
fi

if wanted flood; then
	echo "clients crash handlers; four others get /hello:"
	for ((i = 0; i < rounds; i++)); do
		for crashing in 0 1 4; do
			printf '%8u crashing: ' "$crashing"
			"$BH_CLIENTS/recovery-flood" "$port" "$crashing" 4 || fail "not measured"
		done
	done
	echo "load $(cut -d' ' -f1-3 /proc/loadavg)"
fi
stop
