#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A command whose output cannot be written says so and ends with 111, so that a script
# notices; and what it prints goes into no descriptor of its own.
. "$(dirname "$0")/../e2e/lib.sh"
need curl

start
curl -s -m 120 "$url/crash?how=segv" >/dev/null
printf 'services:\n  - name: http\n    module: http.so\n' >"$dir/app.yaml"

# lost COMMAND...: it says something, and cannot where there is no room or no stdout.
lost() {
	timeout 200 "$BH_BIN/$1" "${@:2}" >"$dir/out" 2>&1
	[ -s "$dir/out" ] || fail "$*: it says nothing"
	timeout 200 "$BH_BIN/$1" "${@:2}" >/dev/full 2>"$dir/err"
	[ $? = 111 ] || fail "$*: exit code is not 111 on a full disk"
	grep -q 'the output could not be written' "$dir/err" || fail "$*: does not say why: $(cat "$dir/err")"
	timeout 200 "$BH_BIN/$1" "${@:2}" >&- 2>"$dir/err"
	[ $? = 111 ] || fail "$*: exit code is not 111 with stdout closed"
	[ "$(wc -l <"$dir/err")" = 1 ] || fail "$*: with stdout closed it says: $(cat "$dir/err")"
	timeout 200 "$BH_BIN/$1" "${@:2}" <&- >"$dir/out" 2>&- || fail "$*: fails with stdin and stderr closed"
}

for verb in --help --version status workers 'workers --wide' tasks dump crashes 'crashes 1' audit \
	'top --once' 'trace latency --total' 'status --json' 'crashes 1 --json'; do
	# shellcheck disable=SC2086 # words
	lost bhctl $verb
done
lost bulkhead --help
lost bulkhead --version
lost bulkhead check "$dir/app.yaml"
lost bulkhead run --help
stop
