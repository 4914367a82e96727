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
