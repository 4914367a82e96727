#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Tasks that do not yield: reported, counted, and with `action: kill` ended with a
# reason that their joiner sees, while others serve; hung workers ended by the same
# policy.
. "$(dirname "$0")/../lib.sh"
need curl jq

said() { grep -q "$1" "$log"; }
config() { # LINES OF THE HTTP SERVICE
	cat >"$dir/hogs.yaml" <<YAML
grace: 1s
services:
  - name: http
    module: http.so
    workers: 2
    listen: ["127.0.0.1:0"]
$1
  - name: hogs
    module: $BH_CLIENTS/hogs.so
    workers: 2
    crash: {intensity: 1, period: 1h}
    hog: {action: kill}
YAML
	start "$dir/hogs.yaml"
}

config '    hog: {after: 300ms, action: kill}'
await said '^hogs: innocent' || fail "the service of hogs does not come to its end"
grep '^hogs:' "$log"
said '^hogs: stranded ran elsewhere' || fail "a task stood behind one that spins"
# BH_END_HOG is 4, BH_END_RETURNED 0.
for kind in fiber poll; do
	said "^hogs: $kind join 0 end 4 value 0 signal 9 task hogs.$kind" || fail "the hog ($kind) ended otherwise"
	said "task hogs.$kind hogs worker .*its limit is [0-9]* ms at 0x" || fail "no report of the hog ($kind)"
done
said '^hogs: innocent join 0 end 0 value 7' || fail "a task without a limit was ended"
[ "$(bhctl crashes --json | jq '[.crashes[] | select(.hung and .signal == 9 and .instruction != "0x0")] | length')" = 2 ] ||
	fail "the crash records: $(bhctl crashes --json)"
[ "$(status '[.services[1].workers[].hogs] | add')" = 2 ] || fail "the hogs are not counted"
said quarantine && fail "a hog was quarantined"

note "a handler beyond the service's limit, while others are answered"
curl -s -m 120 -o "$dir/body" -w '%{http_code}' "$url/spin?ms=10000" >"$dir/code" &
spin=$!
for i in $(seq 50); do hello || fail "request $i beside the hog is not answered"; done
wait "$spin"
note "$(cat "$dir/code"): $(cat "$dir/body")"
[ "$(cat "$dir/code")" -ge 500 ] || fail "the hog was answered $(cat "$dir/code")"
said 'task http.spin hogs worker.*ms at 0x.*called from 0x' || fail "the report has no backtrace"
await workers_up 2 || fail "the worker is not back"
stop

note "report alone"
config '    hog: {after: 200ms}'
curl -s -m 120 "$url/spin?ms=6000" >"$dir/body" &
spin=$!
stuck() { bhctl workers | grep -q 'http.spin *[0-9.]* s running'; }
await stuck || fail "bhctl workers does not show it: $(bhctl workers)"
wait "$spin"
grep -q spun "$dir/body" || fail "a hog that is only reported was ended: $(cat "$dir/body")"
said 'task http.spin hogs worker' || fail "no report"
[ "$(status '[.services[0].workers[].hogs] | add')" = 1 ] || fail "counted: $(status '[.services[0].workers[].hogs]')"
stop

note "a worker that hangs, for whatever reason"
config '    hang: {report_after: 200ms, kill_after: 600ms}'
victim=$(status '.services[0].workers[0].pid')
kill -STOP "$victim"
await gone "$victim" || fail "a stopped worker was not ended"
await workers_up 2 || fail "no replacement"
said "worker 0 (pid $victim) is ended" || fail "the log does not say why"
hello || fail "/hello does not answer"
bhctl audit >/dev/null || fail "the audit: $(bhctl audit)"
stop
