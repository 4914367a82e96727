#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The end: what waits to be accepted is answered, what was printed is seen, and
# `bhctl stop` returns when it is over, whoever stands still, and says what it waits for.
. "$(dirname "$0")/../lib.sh"
need curl jq

WAITING=20

# waiting: connections in the listener's queue (what Linux shows as its receive queue).
waiting() {
	local entry
	entry=$(grep -i "^ *[0-9]*: [0-9A-F]*:$(printf %04X "$port") .* 0A " /proc/net/tcp)
	entry=${entry#* 0A *:}
	echo $((0x${entry%% *}))
}

note "connections in the accept queue are answered"
start --workers 1
worker=$(worker_pids)
kill -STOP "$worker"
clients=()
for ((i = 0; i < WAITING; i++)); do
	exec {c}<>"/dev/tcp/127.0.0.1/$port" || fail "connection $i is refused"
	printf 'GET /hello HTTP/1.1\r\nHost: test\r\n\r\n' >&"$c"
	clients+=("$c")
done
[ "$(waiting)" = $WAITING ] || fail "$(waiting) of $WAITING connections wait"
remember_family
kill -TERM "$pid"
stopping() { grep -q 'stopping: requests' "$log"; }
await stopping || fail "SIGTERM has no effect"
kill -CONT "$worker"
for c in "${clients[@]}"; do
	IFS= read -r -t 120 line <&"$c" || fail "a connection that waited was cut off"
	[[ $line = 'HTTP/1.1 200'* ]] || fail "a connection that waited got: $line"
	exec {c}>&-
done
ended
[ "$code" = 0 ] || fail "exit code $code"
nothing_left
pid=

note "what was printed is seen, once"
cat >"$dir/shell.yaml" <<YAML
services:
  - name: shell
    module: $BH_CLIENTS/shell.so
    workers: 2
    options: {init: 'first words. ', say: 'last words. '}
YAML
timeout 200 "$BH_BIN/bulkhead" run --admin "$BULKHEAD_ADMIN" "$dir/shell.yaml" 2>"$log" </dev/null | cat >"$dir/said"
[ "$(grep -o 'first words' "$dir/said" | wc -l)" = 1 ] || fail "init() has said: $(cat "$dir/said")"
[ "$(grep -o 'last words' "$dir/said" | wc -l)" = 1 ] || fail "main has said: $(cat "$dir/said")"

note "bhctl stop says what it waits for, and returns at the end"
start
under_way 6000
remember_family
bhctl stop >"$dir/stop" 2>&1 || fail "bhctl stop: exit code $?: $(cat "$dir/stop")"
gone "$pid" || await gone "$pid" || fail "bhctl stop says '$(cat "$dir/stop")', and the system runs"
grep -q 'waiting for .*http\.' "$dir/stop" || fail "it does not say what it waits for: $(cat "$dir/stop")"
{ wait $slow && grep -q slept "$dir/slow"; } || fail "the request under way was cut off"
nothing_left
pid=

note "in another pid namespace"
if unshare -pf --mount-proc true 2>/dev/null; then
	start
	remember_family
	unshare -pf --mount-proc "$BH_BIN/bhctl" stop >"$dir/stop" 2>&1 || fail "$(cat "$dir/stop")"
	await gone "$pid" || fail "bhctl stop says '$(cat "$dir/stop")', and the system runs"
	nothing_left
	pid=
fi

note "while the guardian is stopped"
start
remember_family
kill -STOP "$pid"
bhctl stop >"$dir/stop" 2>&1 || fail "bhctl stop: exit code $?: $(cat "$dir/stop")"
await gone "$pid" || fail "the system runs"
grep -q 'the guardian .* is continued' "$log" || fail "the log does not say so"
nothing_left
pid=

note "while the kernel is stopped: it is said which process is, and what to do"
start
remember_family
kernel=$(children "$pid" bulkhead-kernel)
kill -STOP "$kernel"
bhctl stop >"$dir/stop" 2>&1 &
asked=$!
advised() { grep -q "kill -CONT $kernel" "$dir/stop"; }
await advised || fail "bhctl stop says: $(cat "$dir/stop")"
kill -CONT "$kernel"
wait $asked || fail "bhctl stop: exit code $?: $(cat "$dir/stop")"
nothing_left
pid=

note "SIGTERM while the kernel is stopped"
start
kill -STOP "$(children "$pid" bulkhead-kernel)"
stop

note "while a worker is stopped, and the grace period is short"
printf 'grace: 300ms\nservices:\n  - name: http\n    module: http.so\n    listen: ["127.0.0.1:0"]\n' >"$dir/grace.yaml"
start "$dir/grace.yaml"
remember_family
kill -STOP "$(worker_pids | head -n 1)"
bhctl stop >"$dir/stop" 2>&1 || fail "bhctl stop: exit code $?: $(cat "$dir/stop")"
await gone "$pid" || fail "the system runs"
nothing_left
pid=
