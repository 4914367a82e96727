#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# storm.sh [SECONDS]: full load on /hello and /echo, 20 crashes a second, and a
# random worker killed twice a second. Then the books are balanced:
#
# - A request may be lost only if a kill hit the worker while its handler or its
#   connection's fiber was on the CPU. The supervisor's crash records say whose
#   turn it was: as many 500s as killed handlers and as many broken connections
#   as killed connection fibers (or acceptors) are excused, and not one more.
# - Tasks, sockets, memory blocks and descriptors return to the base line.
. "$(dirname "$0")/lib.sh"
need curl jq wrk
seconds=${1:-${BH_STORM_S:-10}}

cat >"$dir/storm.yaml" <<YAML
services:
  - name: http
    module: http.so
    workers: 2
    listen: ["127.0.0.1:0"]
    crash: {intensity: 0}
YAML

books() {
	status '.services[0] | "live \(.tasks.live) io \(.io.open) blocks \(.memory.blocks)"'
}
descriptors() {
	local p
	p=$(worker_pids | head -n 1)
	find "/proc/$p/fd" -mindepth 1 2>/dev/null | wc -l
}
# record: keeps the crash records, of which the system holds only the newest.
record() { bhctl crashes --json | jq -c '.crashes[]' >>"$dir/records"; }
# killed NAME...: SIGKILLs that hit a task of these types.
killed() {
	local names
	names=$(printf '"%s",' "$@")
	jq -s "unique_by(.id) | [.[] | select(.signal == 9 and (.task_name | IN(${names%,})))] | length" \
		"$dir/records"
}

start "$dir/storm.yaml"
"$BH_CLIENTS/ledger" -c 8 -d 1 -k 20 "$port" >/dev/null || fail "it does not stand the warm-up"
within 5 workers_up 2 || fail "not all workers are back after the warm-up"
base=$(books)
base_fds=$(descriptors)
note "base line: $base fds $base_fds"

wrk -t2 -c64 -d"${seconds}s" --timeout 10s "$url/hello" >"$dir/wrk" 2>&1 &
wrk_pid=$!
"$BH_CLIENTS/ledger" -c 16 -d "$seconds" -k 20 "$port" >"$dir/ledger" 2>"$dir/complaints" &
ledger_pid=$!

while sleep 1; do record; done &
recorder_pid=$!

kills=0
begin=$(now_ms)
for ((i = 1; i <= seconds * 2; i++)); do
	for _ in 1 2 3 4 5; do # the one that was picked may have crashed meanwhile
		mapfile -t pids < <(worker_pids)
		[ "${#pids[@]}" -gt 0 ] || continue
		kill -KILL "${pids[RANDOM % ${#pids[@]}]}" 2>/dev/null || continue
		kills=$((kills + 1))
		break
	done
	left=$((begin + i * 500 - $(now_ms)))
	[ "$left" -le 0 ] || sleep "$(printf '0.%03d' "$left")"
done
wait "$ledger_pid"
ledger_code=$?
wait "$wrk_pid"
kill "$recorder_pid"
wait "$recorder_pid" 2>/dev/null
record
cat "$dir/complaints" >&2
cat "$dir/wrk" "$dir/ledger"

field() { jq ".$1" "$dir/ledger"; }
errors=$(sed -n 's/.*Socket errors: connect \([0-9]*\), read \([0-9]*\), write \([0-9]*\), timeout \([0-9]*\).*/\1 \2 \3 \4/p' "$dir/wrk")
read -r w_connect w_read w_write w_timeout <<<"${errors:-0 0 0 0}"
w_bad=$(sed -n 's/.*Non-2xx or 3xx responses: \([0-9]*\).*/\1/p' "$dir/wrk")

hit_hello=$(killed http.hello)
hit_echo=$(killed http.echo)
hit_crash=$(($(killed http.crash) - $(field kills))) # /crash?how=kill is no loss
hit_conn=$(killed http.connection http.main)
note "$kills kills: $hit_hello in hello, $hit_echo in echo, $hit_conn in a connection's own fiber"
note "$(jq -s 'unique_by(.id) | group_by([.signal, .task_name]) | map("\(.[0].task_name) \(.[0].signal): \(length)") | join(", ")' "$dir/records")"

note "workers were back after $(jq -s -r 'unique_by(.id) | map(.restart_us) | sort |
	"\(.[length / 2 | floor]) us (median), \(.[length * 99 / 100 | floor]) us (99 %), \(.[-1]) us"' "$dir/records")"

[ "$ledger_code" = 0 ] || fail "requests were lost that no kill explains: $(cat "$dir/ledger")"
[ $((w_connect + w_timeout)) = 0 ] || fail "wrk: $errors (connect, read, write, timeout)"
[ "${w_bad:-0}" -le "$hit_hello" ] || fail "${w_bad} bad answers on /hello, $hit_hello handlers were killed"
[ "$(field own)" -le $((hit_echo + hit_crash)) ] ||
	fail "$(field own) handlers reported killed, $hit_echo and $hit_crash were"
lost=$(($(field reset) + w_read + w_write))
[ "$lost" -le "$hit_conn" ] || fail "$lost connections broke, $hit_conn fibers of connections were killed"
[ $((lost + $(field own) + ${w_bad:-0})) -le "$kills" ] || fail "more was lost than was killed"
[ "$kills" -ge "$seconds" ] || fail "only $kills kills in $seconds s"
[ "$(field crashes)" -ge $((seconds * 15 / ${BH_SLOW:-1})) ] || fail "only $(field crashes) crashes in $seconds s"

balanced() { [ "$(books)" = "$base" ] && [ "$(descriptors)" = "$base_fds" ]; }
within 10 workers_up 2 || fail "not all workers are back"
within 10 balanced || fail "base line: $base fds $base_fds; after the storm: $(books) fds $(descriptors)"
status '.services[0].tasks | .spawned - .completed - .crashed - .cancelled - .live' | grep -qx 0 ||
	fail "the tasks do not add up: $(status '.services[0].tasks')"
hello || fail "/hello does not answer after the storm"
stop
