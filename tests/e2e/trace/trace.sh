#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Recordings: who woke whom, how long polls took, crashes; files that others open;
# and that events which are lost are counted, and recordings end by themselves.
. "$(dirname "$0")/../lib.sh"
need jq

run() { # OPTIONS
	{ echo "trace: false"; one_service chain 2 'crash: {intensity: 255, period: 1s}' "options: {$1}"; } >"$dir/chain.yaml"
	start "$dir/chain.yaml"
}
holds() { # FILTER WHAT
	jq -e "$1" "$json" >/dev/null || fail "the timeline: not so: $2"
	note "$2"
}

run ''
json=$dir/timeline.json
bhctl trace timeline --seconds 3 -o "$json" --svg "$dir/timeline.svg" 2>"$dir/err" ||
	fail "timeline: $(cat "$dir/err")"
cat "$dir/err"

# -- schema -----------------------------------------------------------------------
holds '.traceEvents | length > 30 and all(.[]; (.ph | IN("X", "s", "f", "i", "M")) and
	(.pid | type) == "number" and (.tid | type) == "number" and (.name | type) == "string")' \
	"each event has a phase, a row and a name"
holds '[.traceEvents[] | select(.ph != "M")] | all(.[]; (.ts | type) == "number") and
	([.[].ts] | . == sort)' "times are numbers, in order"
holds '[.traceEvents[] | select(.ph == "X")] | length > 0 and all(.[]; .dur >= 0)' "slices have lengths"
holds '[.traceEvents[] | select(.ph == "s" or .ph == "f")] | group_by(.id) |
	length > 0 and all(.[]; length == 2 and .[0].ph == "s" and .[1].ph == "f" and
	.[1].bp == "e" and .[0].ts <= .[1].ts)' "each arrow has one beginning and one later end"
holds '[.traceEvents[] | select(.ph == "M" and .name == "thread_name")] as $rows |
	[.traceEvents[] | select(.ph != "M") | [.pid, .tid]] | unique | all(.[]; . as $row |
	any($rows[]; [.pid, .tid] == $row))' "each row has a name"
holds '[.traceEvents[] | select(.ph == "X" and (.cat == "poll" or .cat == "park"))] |
	group_by([.pid, .tid]) | all(.[]; . as $s | all(range(1; length);
	($s[.].ts - $s[. - 1].ts - $s[. - 1].dur) > -0.002))' "no two slices of a worker overlap"

# -- what is true -------------------------------------------------------------------
# An arrow as "from > to": the slices it begins and ends in.
jq -r '.traceEvents as $e | [$e[] | select(.ph == "X")] as $x |
	$e[] | select(.ph == "s") | . as $s | ($e[] | select(.ph == "f" and .id == $s.id)) as $f |
	([$x[] | select(.pid == $s.pid and .tid == $s.tid and .ts <= $s.ts and
		.ts + .dur + 0.0005 >= $s.ts)] | max_by(.ts)) as $from |
	([$x[] | select(.pid == $f.pid and .tid == $f.tid and .ts == $f.ts)][0]) as $to |
	"\($from.name) > \($to.name)"' "$json" | sort | uniq -c >"$dir/arrows"
cat "$dir/arrows"
! grep -q null "$dir/arrows" || fail "an arrow begins or ends in no slice"
count() { awk -v w="$1" '{n = $1; $1 = ""; if ($0 == " " w) print n}' "$dir/arrows"; }
[ "$(count 'chain.a > chain.b')" -gt 1 ] && [ "$(count 'chain.b > chain.c')" -gt 1 ] ||
	fail "a wakes b wakes c is not to be seen"
! grep -Eq '> chain\.b$' <(grep -v 'chain.a > ' "$dir/arrows") || fail "something else woke b"
! grep -Eq '> chain\.c$' <(grep -v 'chain.b > ' "$dir/arrows") || fail "something else woke c"
! grep -q 'chain.c >' "$dir/arrows" || fail "c woke something"
note "a wakes b wakes c, and nobody else does"
holds '[.traceEvents[] | select(.ph == "X" and .name == "chain.spin")] |
	length > 0 and all(.[]; .dur >= 50000)' "who spins 50 ms is seen to"
holds '[.traceEvents[] | select(.ph == "X" and .cat == "job" and .name == "chain.job")] |
	length > 0 and all(.[]; .dur >= 50000 and .tid >= 64)' "jobs run in rows of their own"
holds '[.traceEvents[] | select(.ph == "i" and .name == "crash")] |
	length > 0 and all(.[]; .args.type == "chain.crash")' "crashes name the task"
holds '[.traceEvents[] | select(.ph == "X" and .args.end == "crashed")] |
	length > 0 and all(.[]; .name == "chain.crash")' "the poll that crashed is a slice"
holds 'any(.traceEvents[]; .ph == "i" and .name == "restart" and .args.after_ns > 0)' \
	"workers that come back are seen to"
holds '.otherData.lost == 0' "nothing was lost"
grep -q '</svg>' "$dir/timeline.svg" && grep -q 'class="wake"' "$dir/timeline.svg" ||
	fail "the picture is not one"
if command -v rsvg-convert >/dev/null; then
	rsvg-convert "$dir/timeline.svg" -o "$dir/timeline.png" || fail "the picture cannot be drawn"
	note "the picture can be drawn"
fi

# -- stream ---------------------------------------------------------------------------
bhctl trace stream --json --seconds 1 >"$dir/stream" 2>"$dir/err" || fail "stream: $(cat "$dir/err")"
jq -es '[.[] | select(.event == "poll" and .type == "chain.spin" and .a >= 50000000)] | length > 0' \
	"$dir/stream" >/dev/null || fail "the stream lacks the task that spins"
jq -es '[.[] | select(.event != "lost") | .time_ns] | . == sort' "$dir/stream" >/dev/null ||
	fail "the stream is out of order"
bhctl trace stream --seconds 1 >"$dir/text" 2>/dev/null
grep -q 'poll .*chain.a' "$dir/text" || fail "the stream for people lacks a"
bhctl trace stream --seconds 1 2>/dev/null | head -n 1 >/dev/null
[ "${PIPESTATUS[0]}" != 0 ] && note "a stream that nobody reads ends"
bhctl trace latency --seconds 1 --json >"$dir/waits" || fail "latency"
jq -e '.lost == 0 and (.groups[] | select(.type == "chain.spin") | .queue_wait.count > 0 and .poll.p50_ns >= 50000000)' "$dir/waits" >/dev/null ||
	fail "latencies by type: $(cat "$dir/waits")"
bhctl trace latency --seconds 1
bhctl trace hogs --seconds 2 --json >"$dir/hogs"
[ $? = 1 ] || fail "hogs: exit code $?" # only polls are counted: tracing is off
jq -e '.lost == 0 and (.hogs[] | select(.type == "chain.spin") | .polls > 0 and
	.poll_ns >= .polls * 50000000 and .longest_ns >= 50000000 and .longest_task != "0x0") and
	([.hogs[] | select(.type != "chain.spin" and .type != "chain.job") | .poll_ns / .polls] | max < 50000000)' \
	"$dir/hogs" >/dev/null || fail "who spins 50 ms is not the hog: $(cat "$dir/hogs")"
note "who spins 50 ms is the hog"
bhctl trace timeline 2>/dev/null
[ $? = 100 ] || fail "a timeline for nowhere is no usage error"
bhctl trace timeline --seconds 1 -o /nonexistent/x 2>/dev/null
[ $? = 111 ] || fail "a file that cannot be written is no error"

# -- a reader's death, an admin server's, a kernel's --------------------------------------
"$BH_BIN/bhctl" trace stream >"$dir/stream" 2>/dev/null &
reader=$!
await test -s "$dir/stream" || fail "no stream"
kernel=$(status .kernel.pid) # while there is somebody to ask
kill -KILL "$(children "$pid" bulkhead-admind)"
kill -KILL "$kernel"
lines=$(wc -l <"$dir/stream")
more() { [ "$(wc -l <"$dir/stream")" -gt "$((lines + 100))" ]; }
await more || fail "the stream does not go on after the kernel and the admin server were killed"
kill -KILL "$reader"
note "a stream outlives the admin server and the kernel"
stop

# -- at full speed --------------------------------------------------------------------------
run 'busy: 1'
bhctl trace stream --json --seconds 2 2>"$dir/err" | jq -rn '[inputs] |
	"\([.[] | select(.event == "lost") | .count] | add) \([.[] | select(.event != "lost" and .event != "gap")] | length)"' >"$dir/sum"
cat "$dir/sum" "$dir/err"
read -r lost got <"$dir/sum"
[ "$got" -gt 1000 ] || fail "nothing was recorded"
[ "$lost" -gt 0 ] || fail "tasks that yield without end lose no events: is that so?"
grep -qx "bhctl: $got events, $lost lost" "$dir/err" || fail "the sums differ"

# -- a long recording has an end in memory and on disk -----------------------------------------
most_memory() { # PID: the most that it ever had, in KiB, once it is gone
	local kib most=0
	while kib=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$1/status" 2>/dev/null) && [ -n "$kib" ]; do
		most=$kib
		sleep 0.05
	done
	echo "$most"
}
whole() { jq -e '.traceEvents | length > 1000' "$1" >/dev/null || fail "the file is not whole: $(tail -c 300 "$1")"; }
"$BH_BIN/bhctl" trace timeline --seconds 600 --max-size 4 -o "$dir/long.json" 2>"$dir/err" &
reader=$!
memory=$(most_memory $reader)
wait $reader || fail "a recording up to a size: exit code $?: $(cat "$dir/err")"
whole "$dir/long.json"
grep -q "^bhctl: stopped at [0-9]* MiB, after [0-9.]* s: --max-size for more" "$dir/err" || fail "it does not say why it stopped: $(cat "$dir/err")"
[ "$(stat -c %s "$dir/long.json")" -le $((5 << 20)) ] || fail "the file has $(stat -c %s "$dir/long.json") bytes"
[ -n "${ASAN_OPTIONS:-}" ] || [ "$memory" -le 131072 ] || fail "it took $memory KiB"
note "$(head -n 1 "$dir/err"), in $memory KiB of memory"
env --default-signal=INT "$BH_BIN/bhctl" trace timeline --seconds 600 --max-size 16 -o "$dir/cut.json" 2>"$dir/err" &
reader=$!
written() { [ "$(stat -c %s "$dir/cut.json" 2>/dev/null || echo 0)" -gt 100000 ]; }
await written || fail "nothing is written while it records"
kill -INT $reader
await gone $reader || fail "it does not end"
wait $reader || fail "an interrupted recording: exit code $?: $(cat "$dir/err")"
whole "$dir/cut.json"
for verb in latency wakers; do
	"$BH_BIN/bhctl" trace $verb --seconds 1 >"$dir/verb" 2>&1 &
	reader=$!
	memory=$(most_memory $reader)
	wait $reader || fail "trace $verb: exit code $?: $(cat "$dir/verb")"
	[ -n "${ASAN_OPTIONS:-}" ] || [ "$memory" -le 131072 ] || fail "trace $verb took $memory KiB"
done
note "timelines and counts take bounded memory, and an interrupted file is whole"
stop

# -- a sleep that began before ---------------------------------------------------------------
start
told() { # DIR/stream has a sleep that began before BEGAN
	jq -se --argjson t "$1" 'any(.[]; .event == "park" and .time_ns - .a < $t)' "$dir/stream" >/dev/null
}
# Nothing tells when the recording is on, but an event, and that would end the sleep: hence
# a while, and another attempt if it was too short.
slept() {
	local began reader
	sleep 3.5 # a recording of an earlier attempt ends
	hello || fail "/hello does not answer"
	sleep 1 # it sleeps
	began=$(awk '{printf "%.0f", $1 * 1e9}' /proc/uptime)
	env --default-signal=INT "$BH_BIN/bhctl" trace stream --json >"$dir/stream" 2>"$dir/err" &
	reader=$!
	sleep 1
	hello || fail "/hello does not answer"
	PATIENCE=2 await told "$began"
	kill -INT "$reader"
	wait "$reader"
	told "$began"
}
await slept || fail "a sleep that began before the recording is not in it"
note "a sleep that began before the recording is told"
stop
