#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Who crashes a task type more often than its limit is refused: 503, and no more
# dead workers. Other clients and other types go on, and so do exempt ones. A type
# that many clients crash is refused as a whole.
. "$(dirname "$0")/../lib.sh"
need curl jq

config() { # CRASH-POLICY
	printf 'services:\n  - name: http\n    module: http.so\n    listen: ["127.0.0.1:0"]\n    crash: %s\n' "$1" \
		>"$dir/config.yaml"
	start "$dir/config.yaml"
}
kernel_restarted() { [ "$(status .kernel.restarts)" = 1 ]; }
crash() { # [FROM [HOW]]
	curl -s -m 120 --interface "${1:-127.0.0.1}" -o "$dir/body" -w '%{http_code}' "$url/crash?how=${2:-segv}"
}

config '{intensity: 3, period: 1h}'
for i in 1 2 3 4; do
	code=$(crash)
	[ "$code" = 500 ] || fail "crash $i of 4: $code, not 500: $(cat "$dir/body")"
done
crashed=$(status '.services[0].tasks.crashed')
for i in 1 2 3; do
	code=$(crash)
	[ "$code" = 503 ] || fail "crash $i beyond the limit: $code, not 503: $(cat "$dir/body")"
done
note "$(cat "$dir/body")"
grep -q http.crash "$dir/body" || fail "the answer does not name the task: $(cat "$dir/body")"
grep -q 'http.crash from 127.0.0.1 crashed more than 3 times.*quarantined' "$log" || fail "the log does not say so"
[ "$(status '.services[0].tasks.crashed')" = "$crashed" ] || fail "tasks in quarantine still run"
hello || fail "/hello does not answer"

note "another client is served, the one is listed and counted, and let in again by hand"
[ "$(crash 127.0.0.2)" = 500 ] || fail "another client's: $(cat "$dir/body")"
bhctl crashes --json | jq -e '[.crashes[].key] == ["127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.2"] and
	.crashes[4].crash_key == "0x47f000002"' >/dev/null || fail "crashes does not say by whom: $(bhctl crashes --json)"
bhctl crashes | grep -q 'http.crash  127.0.0.2 ' || fail "nor for people: $(bhctl crashes)"
bhctl crashes 5 | grep -q '^  key  *127.0.0.2$' || fail "nor alone: $(bhctl crashes 5)"
bhctl quarantine --json >"$dir/list" || fail "bhctl quarantine: exit $?"
jq -e '.quarantined == [.quarantined[] | select(.service == "http" and .type == "http.crash" and
	.key == "127.0.0.1" and .state == "quarantined" and .crashes == 4 and .refused == 3 and
	.probation_ms > 3000000)] and (.quarantined | length) == 1 and .lifted == false' "$dir/list" >/dev/null ||
	fail "not listed so: $(cat "$dir/list")"
[ "$(status '.services[0].quarantine | "\(.entries) \(.refused)"')" = "1 3" ] || fail "status: $(status '.services[0].quarantine')"
bhctl status | grep -q 'quarantine  1 in it, 3 spawns refused' || fail "status does not show it"
bhctl tasks --json | jq -e '.types[] | select(.name == "http.crash") | .quarantine == "by key" and .quarantined == false' \
	>/dev/null || fail "tasks does not show it: $(bhctl tasks)"
bhctl quarantine | grep -q 'http.crash  127.0.0.1  quarantined .* probation in' || fail "$(bhctl quarantine)"
await grep -q 'http.crash from 127.0.0.1: 3 refused since' "$log" || fail "the refused are not in the log"
bhctl quarantine --lift http.crash/127.0.0.9 2>"$dir/err" && fail "lifted what is not there"
grep -q 'http.crash/127.0.0.9 is not quarantined' "$dir/err" || fail "$(cat "$dir/err")"
bhctl quarantine --lift http.crash/127.0.0.1 --all 2>/dev/null
[ $? = 100 ] || fail "--lift and --all are not refused together"
lifts() { # OPTION... of `bhctl quarantine`
	bhctl quarantine "$@" | grep -q '^lifted:' || fail "bhctl quarantine $*: nothing lifted"
	await open || fail "not open after quarantine $*: $(bhctl quarantine)"
}
open() { bhctl quarantine | grep -q '^nobody is quarantined'; }
lifts --lift http.crash/127.0.0.1
[ "$(crash)" = 500 ] || fail "let in again, and refused: $(cat "$dir/body")"
[ "$(crash)" = 500 ] || fail "what crashed before it was let in counts again: $(cat "$dir/body")"
for i in 3 4; do [ "$(crash)" = 500 ] || fail "crash $i anew: $(cat "$dir/body")"; done
[ "$(crash)" = 503 ] || fail "not quarantined anew: $(cat "$dir/body")"

note "a new kernel judges by the same history"
for i in 1 2 3; do crash 127.0.0.4 >/dev/null; done
kill -9 "$(status .kernel.pid)"
await kernel_restarted || fail "no new kernel"
[ "$(crash)" = 503 ] || fail "a new kernel has forgotten: $(cat "$dir/body")"
[ "$(crash 127.0.0.4)" = 500 ] || fail "the fourth: $(cat "$dir/body")"
[ "$(crash 127.0.0.4)" = 503 ] || fail "a new kernel counts anew: $(cat "$dir/body")"
bhctl quarantine | grep -q 127.0.0.4 || fail "$(bhctl quarantine)"
lifts --lift http.crash
stop

note "many clients crash it: then it is the code"
config '{intensity: 3, period: 1h}'
for i in 1 2 3; do [ "$(crash 127.0.0.$i)" = 500 ] || fail "client $i: $(cat "$dir/body")"; done
[ "$(crash 127.0.0.3)" = 500 ] || fail "client 3 again: $(cat "$dir/body")"
open || fail "three clients: $(bhctl quarantine)"
[ "$(crash 127.0.0.4)" = 500 ] || fail "client 4: $(cat "$dir/body")"
[ "$(crash 127.0.0.5)" = 503 ] || fail "a new client is let in: $(bhctl quarantine)"
bhctl quarantine | grep -q 'http.crash  all  quarantined' || fail "$(bhctl quarantine)"
bhctl tasks --json | jq -e '.types[] | select(.name == "http.crash") | .quarantined' >/dev/null || fail "$(bhctl tasks)"
grep -q 'http.crash was crashed by 4 clients' "$log" || fail "the log does not say so"
lifts --all
[ "$(crash 127.0.0.5)" = 500 ] || fail "let in again, and refused: $(cat "$dir/body")"
stop

config '{intensity: 3, period: 1h, exempt: [http.crash]}'
for i in 1 2 3 4 5 6; do
	code=$(crash)
	[ "$code" = 500 ] || fail "exempt crash $i: $code, not 500: $(cat "$dir/body")"
done
stop

note "probation: one task is let through, and its end decides"
quarantine() { bhctl quarantine --json | jq -r '.quarantined[] | select(.type == "http.crash") | .state'; }
is() { [ "$(quarantine)" = "$1" ]; }
config '{intensity: 2, period: 5s}'
once_more() { crash >/dev/null; is quarantined; } # three within the period
await once_more || fail "after 3 crashes: '$(quarantine)', not quarantined"
await is probation || fail "no probation: $(quarantine)"
[ "$(crash)" = 500 ] || fail "the one on trial is not let through: $(cat "$dir/body")"
is quarantined || fail "a trial that crashed: '$(quarantine)', not quarantined"
[ "$(crash)" = 503 ] || fail "after the trial: $(cat "$dir/body")"
grep -q 'http.crash from 127.0.0.1 crashed on probation.* for 10 s' "$log" || fail "the second pause is not twice as long"
await is probation || fail "no second probation: $(quarantine)"
# A kill from outside proves nothing: another one is let through.
[ "$(crash 127.0.0.1 kill)" = 500 ] || fail "the trial: $(cat "$dir/body")"
is probation || fail "after an outside kill: '$(quarantine)', not probation"
[ "$(crash 127.0.0.1 none)" = 400 ] || fail "the trial: $(cat "$dir/body")"
await is "" || fail "not lifted: $(quarantine)"
grep -q 'http.crash from 127.0.0.1 has stood its trial' "$log" || fail "the log does not say that it was lifted"
[ "$(crash)" = 500 ] || fail "after it was lifted: $(cat "$dir/body")"
is "" || fail "one crash after it was lifted: $(quarantine)"
stop
