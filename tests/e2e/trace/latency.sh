#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `trace latency` against times that are known: polls of 20 ms, a task behind one, a
# worker that shares its CPU with a competitor (Linux's own account is the truth),
# workers that block in system calls; and what is there without BPF.
. "$(dirname "$0")/../lib.sh"
need jq taskset

config() { # TRACE
	cat >"$dir/pace.yaml" <<YAML
trace: $1
services:
  - name: one
    module: $BH_CLIENTS/pace.so
    workers: 1
    listen: ["127.0.0.1:0"]
    options: {spin: 1}
  - name: two
    module: $BH_CLIENTS/pace.so
    workers: 2
    options: {spin: 1}
  - name: block
    module: $BH_CLIENTS/pace.so
    workers: 1
    options: {block: 1}
YAML
	start "$dir/pace.yaml"
}
latency() { # ARGUMENTS of the command; its answer is in $dir/latency
	bhctl trace latency --json "$@" >"$dir/latency" || fail "trace latency $*: exit code $?"
}
holds() { # FILTER WHAT
	jq -e "$1" "$dir/latency" >/dev/null || fail "not so: $2: $(jq -c 'del(.. | .buckets?)' "$dir/latency")"
	note "$2"
}
# Measures until FILTER holds: on a machine that is busy a second may be too short.
measured() {
	latency "${@:2}"
	jq -e "$1" "$dir/latency" >/dev/null
}
comes() { # FILTER WHAT ARGUMENTS...
	await measured "$1" "${@:3}" ||
		fail "not so: $2: $(jq -c 'del(.. | .buckets?)' "$dir/latency")"
	note "$2"
}
ordered='[.groups[] | .queue_wait, .cpu_wait, .poll, .off_cpu[] | select(.)] | length > 0 and all(.[];
	.count == ([.buckets[].count] | add) and .p50_ns <= .p90_ns and .p90_ns <= .p99_ns and
	.p99_ns <= .p999_ns and .p999_ns <= .max_ns)'

# What the workers themselves know: with BPF and without.
without_linux() {
	comes '.groups[] | select(.type == "pace.behind" and .service == "one") | .queue_wait.p50_ns >= 20000000' \
		"the task behind one that spins waits 20 ms in the queue" --seconds 2
	holds "$ordered" "percentiles are in order, and the buckets are all there is"
	holds 'all(.groups[] | select(.type == "pace.spin"); .poll.p50_ns >= 20000000)' "who spins 20 ms is polled 20 ms"
	holds 'all(.groups[] | select(.type == "pace.behind"); .poll.p50_ns < 20000000)' "and nobody else is"
	comes '[.groups[] | select(.service == "two" and .poll and .queue_wait) | .slot] == [0, 1]' \
		"each worker has its times" --seconds 1 --by worker
	comes '[.groups[] | select(.poll and .queue_wait) | .service] == ["block", "one", "two"]' \
		"each service has its times" --seconds 1 --by service
	for by in task worker service; do
		bhctl trace latency --seconds 1 --by $by >"$dir/text" || fail "trace latency --by $by: exit code $?"
		grep -q '^  queue wait .* ms' "$dir/text" && grep -q '^  <  *[0-9.]* [mu]s .*##' "$dir/text" ||
			fail "trace latency for people: $(cat "$dir/text")"
	done
	comes 'any(.groups[]; .service == "one" and .poll.max_ns >= 20000000)' \
		"polls are counted without recording" --total --by worker
}

# Verbs that live by what Linux sees say that it is not there, and why: WORD.
blind() {
	local verb
	for verb in profile hogs crashes; do
		timeout 200 "$BH_BIN/bhctl" trace $verb --seconds 1 >"$dir/out" 2>"$dir/err"
		[ $? = 1 ] || fail "trace $verb without BPF: exit code is not 1: $(cat "$dir/out" "$dir/err")"
		grep -q "$1" "$dir/err" || fail "trace $verb without BPF does not say why: $(cat "$dir/err")"
	done
	note "profile, hogs and crashes say why they see little"
}

if [ -n "${BH_NO_CAPS:-}" ]; then
	config true
	without_linux
	holds 'all(.groups[]; .cpu_wait == null and .off_cpu == {})' "without BPF there is no wait for the CPU"
	holds '.missing | test("CAP_BPF and CAP_PERFMON are missing")' "and it is said which capabilities would give it"
	blind 'CAP_BPF and CAP_PERFMON are missing'
	stop
	exit 0
fi

config false
without_linux
holds '.missing | test("the configuration key `trace`")' "tracing is off, and it is said how to turn it on"
blind 'the configuration key'
stop

"$BH_BIN/bulkhead-traced" --probe >/dev/null || skip "the other half: $("$BH_BIN/bulkhead-traced" --probe)"
config true
seen() { latency --total --by service && jq -e '[.groups[] | select(.off_cpu.slept)] != []' "$dir/latency" >/dev/null; }
await seen || fail "the Linux kernel's view is not there: $(jq .missing "$dir/latency")"
without_linux

# -- a competitor ---------------------------------------------------------------------
# Linux's account of what a worker waited for its CPU, in ns.
waited() { [ -r "/proc/$1/schedstat" ] && cut -d' ' -f2 "/proc/$1/schedstat"; }
cpu=$(taskset -cp $$ | sed 's/.*: *\([0-9]*\).*/\1/')
one=$(status '.services[0].workers[0].pid')
mapfile -t two < <(status '.services[1].workers[].pid')
taskset -cp "$cpu" "$one" >/dev/null || fail "cannot bind a worker to a CPU"
taskset -c "$cpu" bash -c 'while :; do :; done' &
competitor=$!
waited "$one" >/dev/null || fail "no /proc/PID/schedstat"
before=("$(waited "$one")" "$(waited "${two[0]}")" "$(waited "${two[1]}")")
latency --seconds 4 --by worker
after=("$(waited "$one")" "$(waited "${two[0]}")" "$(waited "${two[1]}")")
i=0
for worker in one/0 two/0 two/1; do
	truth=$((after[i] - before[i]))
	shown=$(jq ".groups[] | select(.service == \"${worker%/*}\" and .slot == ${worker#*/}) |
		.cpu_wait | (.count * .mean_ns) // 0" "$dir/latency")
	note "worker $worker waited $truth ns for its CPU by Linux's account, $shown ns by ours"
	# A wait that is under way at either end is in one account alone.
	[ "$shown" -le $((truth + truth / 4 + 50000000)) ] && [ "$shown" -ge $((truth / 2 - 100000000)) ] ||
		fail "the two accounts differ"
	[ $i != 0 ] || [ "$truth" -gt 500000000 ] || fail "the competitor does not compete: $truth ns"
	i=$((i + 1))
done
comes '.groups[] | select(.service == "one" and .type == "pace.spin") | .cpu_wait.count > 0 and .off_cpu.preempted.count > 0' \
	"the task that is in the way of the competitor has waited" --seconds 2 --by task
kill "$competitor"

# -- hogs: by their samples, and by Linux's account of CPU time -----------------------------
ran() { cut -d' ' -f1 "/proc/$1/schedstat"; }
before=$(ran "$one")
bhctl trace hogs --seconds 4 --json >"$dir/hogs" || fail "hogs: exit code $?"
truth=$(($(ran "$one") - before))
shown=$(jq '[.hogs[] | select(.service == "one" and .type == "pace.spin") | .samples] | add * 1000000000 / 199 | round' "$dir/hogs")
note "who spins had the CPU for $truth ns by Linux's account, $shown ns by samples"
[ "$shown" -le $((truth + truth / 4 + 100000000)) ] && [ "$shown" -ge $((truth / 2 - 100000000)) ] ||
	fail "the two accounts differ"

# -- off the CPU -------------------------------------------------------------------------
for how in futex:futex poll:io sleep:slept; do
	comes ".groups[] | select(.type == \"pace.${how%:*}\") | .off_cpu.${how#*:} | .count > 3 and .p50_ns >= 29000000" \
		"who waits in ${how%:*}() was off its CPU for ${how#*:}" --seconds 2 --by task
done
latency --total --by task
holds "$ordered" "totals are in order, too"
holds '.groups[] | select(.type == "pace.sleep") | .off_cpu.slept.count > 3' "and have the reason"
stop

command -v setpriv >/dev/null || exit 0
[ "$(id -u)" = 0 ] || exit 0
BH_NO_CAPS=1 setpriv --bounding-set -bpf,-perfmon --inh-caps -bpf,-perfmon "$0" || fail "without the capabilities: exit code $?"
