#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Workers that are stopped or in an endless loop: the others serve, under load;
# what was queued goes on elsewhere; nothing is lost when the stopped one goes on.
. "$(dirname "$0")/../lib.sh"
need curl jq wrk

worker() { status ".services[0].workers[$1].pid"; }
said() { grep -q "$1" "$log"; }
stopped() { grep -qs '^State:.T' "/proc/$1/status"; }

# answered COUNT: so many requests, each on a connection of its own.
answered() {
	local i
	for ((i = 0; i < $1; i++)); do
		hello || fail "request $i is not answered"
	done
}

# One task accepts. While it is in the hand of the one that is stopped, nobody does.
accepter_runs() { bhctl tasks | grep -q 'http\.main *fiber *running'; }

# load: wrk on connections that were made before; every request must be answered
# while the workers are up again.
load_begin() {
	wrk -t1 -c16 -d6s --timeout 100s "$url/hello" >"$dir/wrk" 2>&1 &
	load=$!
}
load_end() {
	wait "$load" || fail "wrk: $(cat "$dir/wrk")"
	grep -q 'Socket errors\|Non-2xx' "$dir/wrk" && fail "lost: $(cat "$dir/wrk")"
	note "$(grep 'requests in' "$dir/wrk")"
}

start --workers 2
base=$(status '.services[0].tasks.live')

served=0
for round in 1 2 3 4 5 6 7 8; do
	victim=$(worker $((round % 2)))
	wrk -t1 -c8 -d1s "$url/hello" >/dev/null &
	load=$!
	sleep "0.0$round"
	kill -STOP "$victim"
	await stopped "$victim" || fail "worker $victim is not stopped"
	wait "$load"
	# What it had in its hand is answered once it goes on; all others now.
	if ! accepter_runs; then
		answered 50
		curl -s -m 120 "$url/sleep?ms=50" | grep -q slept || fail "a timer does not fire"
		served=$((served + 1))
	fi
	kill -CONT "$victim"
	answered 1
done
((served >= 4)) || fail "the accepting task was in the stopped worker's hand in $((8 - served)) of 8 rounds"
note "one of two workers stopped, eight times: the other served in $served"

victim=$(worker 0)
load_begin
sleep 1
kill -STOP "$victim"
await said "worker 0 (pid $victim) has not turned.*stopped by a signal" ||
	fail "the log does not name the stopped worker"
answered 20
kill -CONT "$victim"
await said "worker 0 turns again" || fail "the log does not say that it turns again"
load_end

note "stopped while parked"
await hello || fail "no answer"
kill -STOP "$victim"
seen() { [ "$(grep -c "worker 0 (pid $victim) has not turned.*stopped" "$log")" -ge 2 ]; }
await seen || fail "a worker stopped in its sleep is not noticed"
answered 20
kill -CONT "$victim"

note "an endless loop in one worker"
curl -s -m 120 "$url/spin?ms=3000" >"$dir/spin" &
spin=$!
await said 'has not turned.*running; its task: http.spin' || fail "the log does not name the task"
answered 20
curl -s -m 120 "$url/sleep?ms=50" | grep -q slept || fail "a timer does not fire"
wait "$spin"
grep -q spun "$dir/spin" || fail "the loop was not let to its end: $(cat "$dir/spin")"

note "one stopped; the other one, the zygote and the kernel are killed"
victim=$(worker 0) other=$(worker 1)
kill -STOP "$victim"
kill -KILL "$other"
await gone "$other" || fail "worker $other does not die"
await hello || fail "no answer after the other worker was killed"
kill -KILL "$(status '.services[0].zygote.pid')"
await hello || fail "no answer after the zygote was killed"
kill -KILL "$(worker 1)"
await hello || fail "no worker comes from the new zygote"
kill -KILL "$(status .kernel.pid)"
await hello || fail "no answer from the next kernel"
answered 20
kill -CONT "$victim"
[ "$(worker 0)" = "$victim" ] || fail "the stopped worker was replaced"

note "all stopped, then killed"
mapfile -t all < <(worker_pids)
kill -STOP "${all[@]}"
curl -s -m 120 -o "$dir/late" "$url/hello" &
late=$!
kill -KILL "${all[@]}"
wait "$late"
grep -q Hello "$dir/late" || fail "the request that came meanwhile: $(cat "$dir/late")"
await workers_up 2 || fail "the workers are not back"
answered 20

settled() { [ "$(status '.services[0].tasks.live')" = "$base" ]; }
await settled || fail "live tasks: $(status .services[0].tasks.live), before $base"
bhctl audit >/dev/null || fail "the audit: $(bhctl audit)"
stop
