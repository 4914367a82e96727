#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bhctl dump: what each task waits for, and where in its code: of fibers in functions
# that are known here, in a module without frame pointers.
. "$(dirname "$0")/../lib.sh"
need jq

cat >"$dir/waits.yaml" <<YAML
services:
  - name: waits
    module: $BH_CLIENTS/waits.so
    workers: 2
    listen: ["127.0.0.1:0"]
YAML
start "$dir/waits.yaml"

dump() { bhctl dump --json "$@" >"$dir/dump"; }
is() { jq -e "$1" "$dir/dump" >/dev/null || fail "$1 is not so in: $(cat "$dir/dump")"; }
named() { # NAME STATE WAIT: how many such tasks there are
	dump && jq --arg n "$1" --arg s "$2" --arg w "$3" \
		'[.tasks[] | select(.name == $n and .state == $s and .wait == $w)] | length' "$dir/dump"
}
there() { [ "$(named "$1" "$2" "$3")" = "$4" ]; }

exec 9<>"/dev/tcp/127.0.0.1/$port" || fail "nobody listens"
mine=$(ss -tnH "dport = :$port" 2>/dev/null | awk '{ print $4 }' | head -n 1)
await there waits.sleeper waiting sleep 12 || fail "the sleepers: $(bhctl tasks)"
await there waits.joiner waiting join 1 || fail "the joiner: $(bhctl tasks)"
await there waits.joined waiting sleep 1 || fail "the joined: $(bhctl tasks)"
await there waits.accepter waiting I/O 1 || fail "the accepter: $(bhctl tasks)"
await there waits.blocker running "" 1 || fail "the blocker: $(bhctl tasks)"
await there waits.idler waiting "" 1 || fail "the poll task: $(bhctl tasks)"
reading() { dump && jq -e '.tasks[] | select(.name == "waits.reader") | .io[0].direction == "read"' "$dir/dump" >/dev/null; }
await reading || fail "the reader does not read: $(cat "$dir/dump")"

note "functions by name, three deep"
functions='[.stack[].function | select(. != null and startswith("waits_"))]'
is "[.tasks[] | select(.name == \"waits.sleeper\") | $functions == [\"waits_inner\", \"waits_middle\", \"waits_outer\"]] | all"
is '[.tasks[] | select(.name == "waits.sleeper") | .stack[].function | select(. == "bh_sleep" or . == "sleeper")] | length == 24'
is '[.tasks[] | select(.name == "waits.sleeper") | .stack | last | .function == "context_first" or .function == "fiber_main"] | all'
is '[.tasks[] | select(.name == "waits.sleeper") | .stack[] | select(.function == "waits_inner") | .module | endswith("/waits.so")] | all'
is '[.tasks[] | select(.name == "waits.sleeper") | .left_ms > 0 and .left_ms <= 3600000] | all'
is '.tasks[] | select(.name == "waits.main") | [.stack[].function] | index("waits_main") != null'

note "what they wait for"
# shellcheck disable=SC2016 # jq's variable
is '(.tasks[] | select(.name == "waits.joined") | .task) as $t
	| .tasks[] | select(.name == "waits.joiner") | .wait_on == $t'
is ".tasks[] | select(.name == \"waits.reader\") | .io[0] | .fd > 2 and .local == \"127.0.0.1:$port\""
[ -z "$mine" ] || is ".tasks[] | select(.name == \"waits.reader\") | .io[0].peer == \"$mine\""
is '.tasks[] | select(.name == "waits.accepter") | .io[0] | .direction == "accept" and .peer == null'
is '.tasks[] | select(.name == "waits.blocker") | .worker >= 0 and .stack == [] and (.no_stack | length) > 0'
is '.tasks[] | select(.name == "waits.idler") | .kind == "poll" and .stack == [] and .no_stack == null'

note "one task"
one=$(jq -r '.tasks[] | select(.name == "waits.joiner") | .task' "$dir/dump")
dump "$one"
is ".found == 1 and (.tasks | length) == 1 and .tasks[0].task == \"$one\""
bhctl dump "$one" | grep -q '#.*joiner' || fail "as text: $(bhctl dump "$one")"
bhctl dump 0xffff00000009 2>"$dir/err" && fail "a task that is not there is shown"
grep -q 'no task 0xffff00000009' "$dir/err" || fail "$(cat "$dir/err")"
bhctl dump seven 2>"$dir/err" && fail "a task called seven is shown"

note "alike ones together"
bhctl dump >"$dir/text" || fail "bhctl dump: exit code $?"
grep -q '^12 × waits.sleeper, fiber, waiting for sleep$' "$dir/text" || fail "$(cat "$dir/text")"
[ "$(grep -c '#.*waits_middle' "$dir/text")" = 2 ] || fail "the sleepers' stack is not shown once: $(cat "$dir/text")"
dump --limit 3
is '(.tasks | length) == 3 and .found > 3'

note "while they run and end"
for _ in $(seq 5); do dump || fail "bhctl dump fails"; done
exec 9>&-
await there waits.reader waiting I/O 0 || fail "the reader still waits"
alive "$pid" || fail "the system has ended"
kill -KILL "$(status '.services[0].workers[0].pid')"
await workers_up 2 || fail "the worker is not back"
dump || fail "after a crash"
is '[.tasks[] | select(.name == "waits.sleeper") | '"$functions"' | length == 3] | all'
note "$(grep -m1 -A12 waits.sleeper "$dir/text")"
stop
