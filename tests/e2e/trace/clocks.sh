#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A system in a time namespace whose clock is ten years ahead of the machine's: what
# Linux sees has the same clock as what the workers say. Needs BPF, and root.
years=315360000 # s
if [ -z "${BH_TIME_NAMESPACE:-}" ] && unshare --time --monotonic $years true 2>/dev/null; then
	BH_TIME_NAMESPACE=1 exec unshare --time --monotonic $years "$0"
fi
. "$(dirname "$0")/../lib.sh"
[ -n "${BH_TIME_NAMESPACE:-}" ] || skip "no time namespace can be made here"
need jq
need_linux_view

one_service pace 2 'options: {spin: 1, block: 1}' >"$dir/pace.yaml"
start "$dir/pace.yaml"
linux_sees .off_cpu.slept

bhctl trace timeline --seconds 2 -o "$dir/timeline.json" 2>"$dir/err" || fail "timeline: $(cat "$dir/err")"
sane='def sane: length > 0 and all(.[]; . > -3600e6 and . < 3600e6);' # an hour, in us
for what in poll on_cpu off_cpu cpu_wait; do
	jq -e "$sane [.traceEvents[] | select(.cat == \"$what\") | .ts, .dur] | sane" "$dir/timeline.json" >/dev/null ||
		fail "times of $what in a timeline of 2 s: $(jq -c "[.traceEvents[] | select(.cat == \"$what\")] | .[:2]" "$dir/timeline.json")"
	note "$what: the timeline's own times"
done
jq -e "$sane [.traceEvents[] | select(.ph != \"M\") | .ts] | sane" "$dir/timeline.json" >/dev/null ||
	fail "not all times are those of the timeline"

bhctl trace latency --seconds 1 --json >"$dir/latency" || fail "trace latency: exit code $?"
jq -e '[.groups[] | .queue_wait, .cpu_wait, .poll, .off_cpu[] | select(.) | .max_ns] | length > 0 and
	all(.[]; . < 3600e9)' "$dir/latency" >/dev/null || fail "latencies: $(jq -c 'del(.. | .buckets?)' "$dir/latency")"
note "latencies are those of a second"

bhctl trace crashes --seconds 60 --json >"$dir/crashes" 2>"$dir/err" &
died() {
	kill -SEGV "$(worker_pids | head -n 1)"
	[ -s "$dir/crashes" ]
}
await died || fail "nobody sees a death: $(cat "$dir/err")"
jq -es "all(.[]; .time_ns > $years * 1e9)" "$dir/crashes" >/dev/null || fail "a death: $(head -n 1 "$dir/crashes")"
note "a death has the time of the namespace, too"
stop
