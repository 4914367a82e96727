#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What tasks print: stdout as it is and line by line, into a pipe, too; on stderr each
# line with time, service and task.
. "$(dirname "$0")/../lib.sh"

cat >"$dir/lines.yaml" <<YAML
trace: false
services: [{name: lines, module: '$BH_CLIENTS/lines.so', workers: 1, options: {file: '$dir/go'}}]
YAML

note "stdout is a pipe: a line is there while its task waits"
mkfifo "$dir/pipe"
cat "$dir/pipe" >"$dir/out" &
"$BH_BIN/bulkhead" run --admin "$BULKHEAD_ADMIN" "$dir/lines.yaml" >"$dir/pipe" 2>"$log" </dev/null &
pid=$!
printed() { grep -qx data "$dir/out"; }
await printed || fail "nothing was printed: $(cat "$dir/out")"
: >"$dir/go"
ended
[ "$code" = 0 ] || fail "exit code $code"
pid=
[ "$(grep -vcE '^(data|bulkhead .*|admin endpoint .*|stopped.*)$' "$dir/out")" = 0 ] || fail "stdout has: $(cat "$dir/out")"

time='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z'
# line TIMES TASK TEXT: so often a line with that text, of that task.
line() {
	local who=lines
	[ "$2" ] && who="lines\\[$2 0x[0-9a-f]+\\]"
	[ "$(grep -cE "^$time $who: $3\$" "$log")" = "$1" ] || fail "not $1 times '$3' of '$2': $(grep -F "${3:0:10}" "$log")"
}

note "a line on stderr has time, service and task, however it comes about"
line 1 lines.talk whole
line 1 lines.talk 'in pieces'
line 1 lines.talk 'two lines at once'
line 1 lines.talk 'perror: No such file or directory'
line 1 lines.talk 'errno and fileno'
line 1 lines.talk 'before a wait'
line 1 lines.talk 'after it'
line 1 lines.crash 'last words'
line 1 lines.asserts '.*Assertion .* failed\.'
line 1 lines.leave 'at exit'
line 1 lines.job 'by a job'
line 1 '' 'by init'
line 1 '' 'by a thread'
grep -qE "^$time lines: by worker_init\$" "$log" || fail "nothing of worker_init()"

note "one that is too long is cut, and nothing of it is lost"
grep -E "^$time lines\\[lines.talk 0x[0-9a-f]+\\]: [0-9]+\$" "$log" >"$dir/long"
[ "$(sed 's/.*: //' "$dir/long" | tr -d '\n' | wc -c)" = 10000 ] || fail "$(wc -c <"$dir/long") bytes of 10000"
[ "$(awk 'length > 4095' "$dir/long" | wc -l)" = 0 ] || fail "a line is longer than a pipe takes whole"

note "what bypasses stdio is as it is"
for text in raw 'by a child' 'by a program'; do
	grep -qx "$text" "$log" || fail "'$text' is not there, or changed: $(grep "$text" "$log")"
done
