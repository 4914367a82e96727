#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The wait of workers for a CPU, as others see it on the same load: bpftrace (what runqlat
# does, for one thread) and perf sched. Compared in powers of two, one apart at most.
. "$(dirname "$0")/../lib.sh"
need jq taskset bpftrace perf
[ "$(id -u)" = 0 ] || skip "bpftrace and perf sched need root"
need_linux_view
bpftrace -e 'tracepoint:sched:sched_switch { exit(); }' >"$dir/out" 2>&1 ||
	skip "bpftrace cannot trace the scheduler here: $(tail -n 1 "$dir/out")"
perf sched record -o "$dir/perf.data" -- true >"$dir/out" 2>&1 ||
	skip "perf cannot trace the scheduler here: $(tail -n 1 "$dir/out")"

one_service pace 1 'options: {spin: 1}' >"$dir/pace.yaml"
start "$dir/pace.yaml"
linux_sees .cpu_wait.count
worker=$(status '.services[0].workers[0].pid')
cpu=$(taskset -cp $$ | sed 's/.*: *\([0-9]*\).*/\1/')
taskset -cp "$cpu" "$worker" >/dev/null || fail "cannot bind a worker to a CPU"
taskset -c "$cpu" bash -c 'while :; do :; done' &
competitor=$!

log2() { awk -v x="$1" 'BEGIN {print (x > 0) ? int(log(x) / log(2)) : 0}'; }
alike() { # WHAT OURS THEIRS, in ns
	local ours theirs
	ours=$(log2 "$2") theirs=$(log2 "$3")
	note "$1: ours $2 ns, theirs $3 ns"
	[ $((ours - theirs)) -le 1 ] && [ $((theirs - ours)) -le 1 ]
}
# The two begin and end a little apart, and the load of the machine may change just
# then: one of three tries has to agree.
agree() { "$1" || "$1" || "$1" || fail "$1: the two differ"; }
measure() {
	bhctl trace latency --by worker --seconds 4 --json >"$dir/latency" || fail "trace latency: exit code $?"
}
ours() { jq ".groups[0].cpu_wait.$1" "$dir/latency"; }

# The power of two that the value lies in which a share of all do not exceed, in ns.
theirs() {
	sed -n 's/^\[\([0-9]*\)\([KMG]\{0,1\}\), .*) *\([0-9]*\) |.*/\1 x\2 \3/p' "$dir/bpftrace" |
		awk -v share="$1" 'BEGIN {unit["x"] = 1; unit["xK"] = 1024; unit["xM"] = 1048576; unit["xG"] = 1073741824}
			{at[NR] = $1 * unit[$2]; n[NR] = $3; all += $3}
			END {for (i = 1; i <= NR; i++) {seen += n[i]; if (seen >= share * all) {print at[i]; exit}}}'
}
# Woken, or preempted, until it is on the CPU. Of the state, 255 are the reasons to sleep.
by_bpftrace() {
	local bpftrace
	: >"$dir/bpftrace"
	bpftrace -e "tracepoint:sched:sched_wakeup /args->pid == $worker/ { @from = nsecs; }
		tracepoint:sched:sched_switch {
			if (args->prev_pid == $worker && (args->prev_state & 255) == 0) { @from = nsecs; }
			if (args->next_pid == $worker && @from) { @ns = hist(nsecs - @from); @from = 0; }
		}
		interval:s:60 { exit(); }" >"$dir/bpftrace" 2>"$dir/err" &
	bpftrace=$!
	await grep -qs Attaching "$dir/bpftrace" || fail "bpftrace: $(cat "$dir/err")"
	measure
	kill -INT "$bpftrace"
	wait "$bpftrace"
	alike "bpftrace, half of the waits" "$(ours p50_ns)" "$(theirs 0.5)" &&
		alike "bpftrace, nine in ten" "$(ours p90_ns)" "$(theirs 0.9)"
}
by_perf() {
	local perf mean
	perf sched record -o "$dir/perf.data" -- sleep 4 >"$dir/out" 2>&1 &
	perf=$!
	measure
	wait "$perf" || fail "perf sched record: $(cat "$dir/out")"
	perf sched latency -p -i "$dir/perf.data" >"$dir/perf" 2>/dev/null || fail "perf sched latency"
	mean=$(awk -F'|' -v pid="$worker" '$1 ~ ":" pid " *$" {split($4, a, " "); print a[2] * 1000000; exit}' "$dir/perf")
	[ -n "$mean" ] || fail "perf sched does not know the worker: $(head -n 20 "$dir/perf")"
	alike "perf sched, the mean" "$(ours mean_ns)" "$mean"
}
agree by_bpftrace
agree by_perf
kill "$competitor"
stop
