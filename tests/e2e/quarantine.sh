#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A task type that crashes more often than its limit is refused: 503, and no more
# dead workers. Other types go on, and so do exempt ones.
. "$(dirname "$0")/lib.sh"
need curl jq

config() { # CRASH-POLICY
	printf 'services:\n  - name: http\n    module: http.so\n    listen: ["127.0.0.1:0"]\n    crash: %s\n' "$1" \
		>"$dir/config.yaml"
	start "$dir/config.yaml"
}
crash() { curl -s -m 10 -o "$dir/body" -w '%{http_code}' "$url/crash?how=segv"; }

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
grep -q 'http.crash.*quarantine\|quarantine.*http.crash' "$log" || fail "the log does not say so"
[ "$(status '.services[0].tasks.crashed')" = "$crashed" ] || fail "tasks in quarantine still run"
hello || fail "/hello does not answer"
stop

config '{intensity: 3, period: 1h, exempt: [http.crash]}'
for i in 1 2 3 4 5 6; do
	code=$(crash)
	[ "$code" = 500 ] || fail "exempt crash $i: $code, not 500: $(cat "$dir/body")"
done
stop

note "probation: one task is let through, and its end decides"
quarantine() { bhctl tasks --json | jq -r '.types[] | select(.name == "http.crash") | .quarantine'; }
is() { [ "$(quarantine)" = "$1" ]; }
config '{intensity: 2, period: 1s}'
for i in 1 2 3; do crash >/dev/null; done
is quarantined || fail "after 3 crashes: '$(quarantine)', not quarantined"
within 20 is probation || fail "no probation: $(quarantine)"
[ "$(crash)" = 500 ] || fail "the one on trial is not let through: $(cat "$dir/body")"
is quarantined || fail "a trial that crashed: '$(quarantine)', not quarantined"
[ "$(crash)" = 503 ] || fail "after the trial: $(cat "$dir/body")"
grep -q 'http.crash crashed on probation.* for 2 s' "$log" || fail "the second pause is not twice as long"
within 20 is probation || fail "no second probation: $(quarantine)"
# A kill from outside proves nothing: another one is let through.
[ "$(curl -s -m 10 -o "$dir/body" -w '%{http_code}' "$url/crash?how=kill")" = 500 ] || fail "the trial: $(cat "$dir/body")"
is probation || fail "after an outside kill: '$(quarantine)', not probation"
[ "$(curl -s -m 10 -o "$dir/body" -w '%{http_code}' "$url/crash?how=none")" = 400 ] || fail "the trial: $(cat "$dir/body")"
within 20 is "" || fail "not lifted: $(quarantine)"
grep -q 'http.crash has stood its trial' "$log" || fail "the log does not say that it was lifted"
[ "$(crash)" = 500 ] || fail "after it was lifted: $(cat "$dir/body")"
is "" || fail "one crash after it was lifted: $(quarantine)"
stop
