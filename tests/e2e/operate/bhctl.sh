#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The keys that scripts may rely on, and the exit codes.
. "$(dirname "$0")/../lib.sh"
need curl jq

start
hello
curl -s -o /dev/null "$url/crash?how=segv"
await workers_up 2

shape() { # COMMAND FILTER
	# shellcheck disable=SC2086 # the verb may be two words
	bhctl $1 --json >"$dir/json" || fail "bhctl $1 --json: exit code $?"
	jq -e "$2" "$dir/json" >/dev/null || fail "bhctl $1 --json: $2 is not so in: $(cat "$dir/json")"
}

shape status '(.version | type) == "string" and (.pid | type) == "number" and .pid > 0
	and (.uptime_s | type) == "number" and .uptime_s >= 0 and (.services | length) == 1'
shape status '.services[0] | .name == "http" and (.workers | length) == 2
	and ([.tasks | .live, .spawned, .completed, .crashed, .canceled | type] | unique) == ["number"]
	and (.io.open | type) == "number" and (.memory.blocks | type) == "number"'
shape status '[.services[0].workers[] | .slot, .pid, .restarts, .polls, .steals, .parks, .crashes | type]
	| unique == ["number"]'
shape status '[.services[0].workers[].state] == ["up", "up"] and [.services[0].workers[].slot] == [0, 1]'
shape status '([.services[0].workers[].crashes] | add) == 1 and .services[0].tasks.crashed == 1'
shape status ".pid == $pid"
shape crashes '(.crashes | length) == 1'
shape crashes '.crashes[0] | .service == "http" and .signal == 11 and .task_name == "http.crash"
	and ([.worker, .pid, .restart_us | type] | unique) == ["number"] and .restart_us > 0
	and has("time") and has("address") and has("task")'
shape 'crashes 1' '.id == 1 and .signal == 11 and .stack[0].address == .instruction and
	(.stack[0].function | startswith("by_segv")) and any(.stack[]; .function | startswith("http_crash"))'
bhctl crashes 1 | grep -q '#0 .* by_segv (crash.c:' || fail "bhctl crashes 1: $(bhctl crashes 1)"
bhctl crashes 1 | grep -q 'worker [01] (pid .*SIGSEGV' || fail "bhctl crashes 1: $(bhctl crashes 1)"
bhctl crashes 7 2>"$dir/err"
[ $? = 1 ] && grep -q 'no crash 7: those from 1 to 1' "$dir/err" || fail "a crash that is not there: $(cat "$dir/err")"
for word in x 0 1x -1; do
	bhctl crashes $word >/dev/null 2>&1
	[ $? = 100 ] || fail "bhctl crashes $word is no usage error"
done
shape workers 'type == "object" or type == "array"'
shape workers '[.workers[] | .steal_ops, .noop_wakes, .budget_yields, .busy_ns, .since_ns, .poll_times.mean_ns | type]
	| unique == ["number"]'
shape workers '[.workers[] | .busy_ns <= .since_ns] | all'
shape workers '[.workers[].poll_times | .count == ([.buckets[].count] | add // 0)] | all'
shape workers '[.workers[].poll_times.count] | add > 0'
shape status '[.services[0] | .queued, .timers | type] | unique == ["number"]'
shape tasks 'type == "object" or type == "array"'

for verb in status workers tasks crashes; do
	bhctl $verb >"$dir/text" 2>"$dir/err" || fail "bhctl $verb: exit code $?"
	[ -s "$dir/text" ] || fail "bhctl $verb prints nothing"
	[ ! -s "$dir/err" ] || fail "bhctl $verb complains: $(cat "$dir/err")"
done
bhctl workers | awk 'length > 80 { exit 1 }' || fail "bhctl workers is too wide: $(bhctl workers)"
bhctl workers --wide | grep -q 'in vain' || fail "bhctl workers --wide: $(bhctl workers --wide)"
bhctl crashes | grep -q SIGSEGV || fail "bhctl crashes does not name the signal: $(bhctl crashes)"

bhctl trace latency --seconds 1 >"$dir/text" 2>"$dir/err"
code=$?
case $code in
0) [ -s "$dir/text" ] || fail "bhctl trace latency prints nothing" ;;
1) [ "$(wc -l <"$dir/err")" = 1 ] || fail "bhctl trace latency: $(cat "$dir/err")" ;;
*) fail "bhctl trace latency: exit code $code" ;;
esac
note "trace latency: exit code $code"

# exits CODE ARGUMENTS...
exits() {
	local want=$1 got
	shift
	"$BH_BIN/bhctl" "$@" >"$dir/text" 2>"$dir/err" </dev/null
	got=$?
	[ "$got" = "$want" ] || fail "bhctl $*: exit code $got, not $want"
	[ "$want" = 0 ] || [ -s "$dir/err" ] || fail "bhctl $*: says nothing"
}
exits 0 --help
exits 0 --version
exits 100 dance
exits 100 status --nonsense
exits 100 status --wide
exits 3 status --admin "ipc://$dir/nobody.sock"
[ "$(wc -l <"$dir/err")" = 1 ] || fail "no system running: not one sentence: $(cat "$dir/err")"
# The first one's twin has been there since before the crash; its successor has not.
nameless() {
	kill -KILL "$(status '.services[0].zygote.pid')"
	await workers_up 2
	bhctl crashes 1 >"$dir/out" 2>"$dir/err" || fail "bhctl crashes 1: exit code $?"
	grep -q 'began after this crash' "$dir/err"
}
await nameless || fail "names from a process that began later"
! grep -q by_segv "$dir/out" || fail "names from a process that began later: $(cat "$dir/out")"

stop
