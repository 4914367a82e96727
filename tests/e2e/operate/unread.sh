#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A log that nobody reads, and terminals that take nothing: lines are left out and
# counted, and everything else goes on.
. "$(dirname "$0")/../lib.sh"
need curl jq dd script stty

crash() { curl -s -m 120 "$url/crash?how=segv" | grep -q crashed; }

# goes_on WHAT: a crash is answered, a timer fires, SIGTERM ends it.
goes_on() {
	crash || fail "$1: a crash is not answered"
	curl -s -m 120 "$url/sleep?ms=50" | grep -q slept || fail "$1: a timer does not fire"
	remember_family
	kill -TERM "$pid"
	await gone "$pid" || fail "$1: SIGTERM does not end it"
	nothing_left
	pid=
}

note "stderr is a pipe that is full"
mkfifo "$dir/err"
exec 9<>"$dir/err"
"$BH_BIN/bulkhead" run --listen 127.0.0.1:0 --admin "$BULKHEAD_ADMIN" >"$log" 2>"$dir/err" 9>&- </dev/null &
pid=$!
await started || fail "it does not come up"
url=http://127.0.0.1:$port
for bytes in 4096 1; do
	dd if=/dev/zero of="$dir/err" oflag=nonblock bs=$bytes 2>/dev/null
done
crash || fail "a crash is not answered"
crash || fail "a second crash is not answered"
note "read again, it says how many lines are missing"
timeout 1 cat <&9 >"$dir/read"
crash || fail "a crash is not answered any more"
counted() {
	timeout 0.2 cat <&9 >>"$dir/read"
	grep -aq '([0-9]* lines left out)' "$dir/read"
}
await counted || fail "it does not say how many lines it left out: $(tr -d '\0' <"$dir/read")"
for bytes in 4096 1; do
	dd if=/dev/zero of="$dir/err" oflag=nonblock bs=$bytes 2>/dev/null
done
goes_on "full again"
exec 9>&-

# on_terminal SETTINGS: the system, on a terminal; what is written to fd 8 is typed there.
on_terminal() {
	mkfifo "$dir/keys"
	: >"$log"
	rm -f "$dir/pid"
	cat >"$dir/on" <<-SH
		$1
		echo \$\$ >"$dir/pid"
		exec "$BH_BIN/bulkhead" run --listen 127.0.0.1:0 --admin "$BULKHEAD_ADMIN"
	SH
	script -qfec "bash $dir/on" "$log" <"$dir/keys" >/dev/null 2>&1 &
	exec 8>"$dir/keys"
	rm "$dir/keys"
	await test -s "$dir/pid" || fail "the terminal does not come up"
	pid=$(cat "$dir/pid")
	await started || fail "it does not come up on a terminal"
	url=http://127.0.0.1:$port
}

note "a terminal with tostop: who writes from the background is stopped"
on_terminal "stty tostop"
goes_on tostop
exec 8>&-

note "a terminal under Ctrl-S"
on_terminal true
printf '\023' >&8
crash || fail "Ctrl-S: the first crash is not answered"
goes_on Ctrl-S
exec 8>&-

note "a service does not read the terminal, nor what its caller reads"
cat >"$dir/shell.yaml" <<YAML
services:
  - name: shell
    module: $BH_CLIENTS/shell.so
    workers: 1
    options: {sh: 'readlink /proc/self/fd/0'}
YAML
echo 'not for it' | timeout 200 "$BH_BIN/bulkhead" run --admin "$BULKHEAD_ADMIN" "$dir/shell.yaml" >"$log" 2>&1 ||
	fail "exit code $?"
grep -q '^/dev/null$' "$log" || fail "its stdin is not /dev/null"
