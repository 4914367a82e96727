#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# smoke.sh BH-BENCH: every workload once, with little to do, gives valid JSON.
set -u -o pipefail
bench=$1
command -v jq >/dev/null || { echo "SKIP: jq is not installed"; exit 77; }

fail() { echo "FAIL: $*" >&2; exit 1; }

out=$(mktemp) err=$(mktemp)
trap 'rm -f "$out" "$err"' EXIT

for name in spawn_many_local spawn_many_remote_idle spawn_many_remote_busy1 yield_many ping_pong chained_spawn timer_insert_cancel timer_churn \
	sleep_lateness wake_cross_worker spawn_blocking mem_pending_task mem_sleeping_task; do
	for kind in poll fiber; do
		line=$(timeout 60 "$bench" "$name" --kind "$kind" --n 50 --iters 3) ||
			fail "$name, $kind: exit code $?"
		jq -e --arg name "$name" '.bench == $name and .ns_per_op >= 0 and .cpu_s >= 0 and
			(.iters > 0 or $name == "wake_cross_worker")' <<<"$line" >/dev/null ||
			fail "$name, $kind: $line"
	done
done

# The servers answer until they are told to stop.
request=$'GET / HTTP/1.1\r\nHost: here\r\n\r\n'
for name in tcp_echo http_hello; do
	port=$((20000 + RANDOM % 10000))
	"$bench" "$name" --port $port >"$out" 2>"$err" &
	pid=$!
	for ((i = 0; i < 200; i++)); do
		grep -q "^ready $port" "$err" && break
		sleep 0.1
	done
	exec 3<>/dev/tcp/127.0.0.1/$port || fail "$name: nobody listens; it said: $(cat "$err")"
	printf '%s' "$request" >&3
	read -r -t 20 answer <&3 || fail "$name: no answer"
	exec 3>&-
	[[ $name:$answer == http_hello:*200\ OK* || $name:$answer == tcp_echo:GET* ]] ||
		fail "$name answered: $answer"
	kill "$pid" && wait "$pid" || fail "$name: exit code $?"
	jq -e --arg name "$name" '.bench == $name and .cpu_s >= 0' "$out" >/dev/null ||
		fail "$name: $(cat "$out")"
done

timeout 20 "$bench" no_such_thing 2>/dev/null
[ $? = 100 ] || fail "an unknown workload is no usage error"
