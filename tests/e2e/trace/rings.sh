#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The memory of recordings: bounded while nobody reads what is written, and given back when
# they end, also if the kernel that would do so dies.
. "$(dirname "$0")/../lib.sh"
need jq

{ echo "trace: false"; one_service chain 2 'options: {busy: 1}'; } >"$dir/chain.yaml"
start "$dir/chain.yaml"
held() { status '.services[0].memory.held'; }
MIB=1048576
before=$(held)

# -- nobody reads ---------------------------------------------------------------------
# A client that is stopped has asked for three seconds.
record() {
	"$BH_BIN/bhctl" trace stream >/dev/null 2>&1 &
	reader=$!
	await grown || fail "no ring is filled: $before bytes before, $(held) now"
	kill -STOP $reader
}
grown() { [ "$(held)" -ge $((before + 5 * MIB)) ]; }
over() { [ "$(held)" -le $((before + 2 * MIB)) ]; }
record
most=0
for _ in $(seq 40); do
	now=$(held)
	[ "$now" -le $most ] || most=$now
	sleep 0.05
done
note "$before bytes before the recording, $most at most while nobody read it"
[ $((most - before)) -le $((3 * 4 * MIB + MIB)) ] || fail "more than the rings of two workers and the kernel"

# -- it ends --------------------------------------------------------------------------
await over || fail "not given back: $before bytes before, $(held) now"
note "$(held) bytes when it had ended"
kill -CONT $reader
await grown || fail "the reader that goes on gets no recording"
kill -KILL $reader
wait $reader 2>/dev/null

# -- the kernel dies with what is to be given back ----------------------------------------
kill -KILL "$(status .kernel.pid)"
await bhctl status >/dev/null 2>&1
await over || fail "not given back by the next kernel: $before bytes before, $(held) now"
note "$(held) bytes after the next kernel had looked"

bhctl trace timeline --seconds 1 -o "$dir/timeline.json" 2>"$dir/err" || fail "timeline: $(cat "$dir/err")"
jq -e '[.traceEvents[] | select(.cat == "poll")] | length > 100' "$dir/timeline.json" >/dev/null ||
	fail "rings that were given back are not written again"
note "and the next recording has events"
stop
