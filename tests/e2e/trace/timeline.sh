#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Timelines with the Linux kernel's view: rows of CPUs and of the workers' threads, as a
# file of the format that others open, and true by Linux's own account. Needs BPF.
. "$(dirname "$0")/../lib.sh"
need jq
need_linux_view

one_service pace 2 'options: {spin: 1, block: 1}' >"$dir/pace.yaml"
start "$dir/pace.yaml"
json=$dir/timeline.json
holds() { # FILTER WHAT
	jq -e "$1" "$json" >/dev/null || fail "the timeline: not so: $2"
	note "$2"
}
linux_sees .off_cpu.slept

account() { cut -d' ' -f"$1" "/proc/$2/schedstat"; }
mapfile -t workers < <(worker_pids)
before=("$(account 1 "${workers[0]}")" "$(account 1 "${workers[1]}")")
bhctl trace timeline --seconds 4 -o "$json" --svg "$dir/timeline.svg" 2>"$dir/err" || fail "timeline: $(cat "$dir/err")"
after=("$(account 1 "${workers[0]}")" "$(account 1 "${workers[1]}")")
cat "$dir/err"

# -- schema -----------------------------------------------------------------------
holds '.traceEvents | length > 100 and all(.[]; (.ph | IN("X", "s", "f", "i", "M")) and
	(.pid | type) == "number" and (.tid | type) == "number" and (.name | type) == "string")' \
	"each event has a phase, a row and a name"
holds '[.traceEvents[] | select(.ph != "M")] | all(.[]; (.ts | type) == "number") and
	([.[].ts] | . == sort)' "times are numbers, in order"
holds '[.traceEvents[] | select(.ph == "X")] | length > 0 and all(.[]; .dur >= 0)' "slices have lengths"
holds '[.traceEvents[] | select(.ph == "i")] | all(.[]; .s | IN("t", "p"))' "instants have a scope"
holds '[.traceEvents[] | select(.ph == "M" and .name == "thread_name")] as $rows |
	[.traceEvents[] | select(.ph != "M") | [.pid, .tid]] | unique | all(.[]; . as $row |
	any($rows[]; [.pid, .tid] == $row))' "each row has a name"
holds '[.traceEvents[] | select(.ph == "M" and .name == "thread_name") | .args.name] |
	any(startswith("CPU ")) and contains(["worker 0, by Linux", "worker 1, by Linux"])' "CPUs and workers have rows"

# -- what is true -------------------------------------------------------------------
holds '[.traceEvents[] | select(.ph == "X" and (.cat | IN("on_cpu", "cpu_wait", "off_cpu")))] |
	group_by([.pid, .tid]) | length >= 3 and all(.[]; . as $s | all(range(1; length);
	($s[.].ts - $s[. - 1].ts - $s[. - 1].dur) > -0.002))' "no two slices of a CPU, or of a thread, overlap"
holds '[.traceEvents[] | select(.cat == "on_cpu")] | group_by(.pid == 1000) | length == 2 and
	(.[0] | map([.ts, .dur])) == (.[1] | map([.ts, .dur]))' "who is on a CPU is so in both rows"
holds 'any(.traceEvents[]; .cat == "on_cpu" and .pid == 1000 and (.name | test("^pace worker [01]: pace[.]")))' \
	"the rows of CPUs say which worker, and what it ran"
holds 'any(.traceEvents[]; .cat == "off_cpu" and .name == "off: futex" and .dur >= 29000 and .args.type == "pace.futex")' \
	"time off the CPU has its reason, and its task"
for i in 0 1; do
	truth=$(((after[i] - before[i]) / 1000))
	shown=$(jq "[.traceEvents[] | select(.cat == \"on_cpu\" and .pid == 1 and .tid == 1000 + $i) | .dur] | add | round" "$json")
	note "worker $i was on a CPU for $truth us by Linux's account, $shown us by ours"
	[ "$shown" -le $((truth + truth / 4 + 50000)) ] && [ "$shown" -ge $((truth / 2 - 50000)) ] || fail "the two accounts differ"
done
holds '.otherData.lost == 0' "nothing was lost"
grep -q '</svg>' "$dir/timeline.svg" && grep -q '>CPU [0-9]' "$dir/timeline.svg" &&
	grep -q 'class="linux"' "$dir/timeline.svg" || fail "the picture lacks CPUs"
if command -v rsvg-convert >/dev/null; then
	rsvg-convert "$dir/timeline.svg" -o "$dir/timeline.png" || fail "the picture cannot be drawn"
	note "the picture can be drawn"
fi
stop
