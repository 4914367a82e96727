#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The control group's memory is used up: a task that takes it is killed, it alone; the
# record says what for, and a type that does so again and again is quarantined.
. "$(dirname "$0")/needy.sh"

grep -q '^oom_kill ' /proc/vmstat || skip "this Linux does not count its kills for want of memory"
needy 'crash: {intensity: 2, period: 1h}'
cgroup memory
limit memory.limit_in_bytes memory.max 67108864
dial other
for i in 1 2 3; do
	answers "$other" oom 'oom signal 9'
	await serves || fail "kill $i: new connections are not served"
done
[ "$(bhctl crashes --json | jq '[.crashes[] | select(.out_of_memory)] | length')" = 3 ] ||
	fail "not three records tell of memory: $(bhctl crashes)"
grep -q 'SIGKILL (out of memory) in task needy.oom' "$log" || fail "the log does not say so"
answers "$other" oom 'oom *crashed too often*'
answers "$other" ping pong
note "a kill from outside is none of that"
kill -KILL "$(worker_pids | head -n 1)"
await workers_up 2 || fail "the worker is not replaced"
[ "$(bhctl crashes --json | jq '[.crashes[] | select(.out_of_memory)] | length')" = 3 ] ||
	fail "a SIGKILL from outside counts as one for memory"
[ "$(status .kernel.restarts)" = 0 ] || fail "the kernel was hit"
stop
