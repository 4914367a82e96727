#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# More clients than a limit allows: whoever comes is served, for those that have been idle
# the longest make room; the log says so; and when the burst is over all is as before.
. "$(dirname "$0")/../lib.sh"
need curl jq

config() { # MODULE LIMITS
	printf 'services:\n  - name: %s\n    module: %s.so\n    workers: 2\n    listen: ["127.0.0.1:0"]\n    limits: %s\n' \
		"$1" "$1" "$2" >"$dir/config.yaml"
	start "$dir/config.yaml"
}

# ask FD: a request on that connection, answered with 200.
ask() {
	local line=''
	printf 'GET /hello HTTP/1.1\r\nHost: a\r\n\r\n' >&"$1" || return 1
	while read -r -t 120 -u "$1" line; do
		[[ $line == "Hello from Bulkhead"* ]] && return 0
	done
	return 1
}

crowd() { # N: that many connections, each of which is served, and stays
	local i fd
	open=()
	for ((i = 1; i <= $1; i++)); do
		exec {fd}<>"/dev/tcp/127.0.0.1/$port" || fail "connection $i of $1 is refused"
		open+=("$fd")
		ask "$fd" || fail "connection $i of $1 is not served"
	done
	ask "${open[-1]}" || fail "the newest connection is not served again"
}

leave() {
	local fd
	for fd in "${open[@]}"; do exec {fd}>&-; done
}

says() { grep -q "$1" "$log"; }

held() { status '.services[0].memory.held'; }
given_back() { [ "$(held)" -lt "$1" ]; }

note "more connections than I/O slots"
config http '{io: 64}'
crowd 150
await says 'short of I/O slots (limits.io)' || fail "the log does not say what is short"
await says 'idle the longest' || fail "the log does not say who made room"
leave
hello || fail "nobody is served after the burst"
stop

note "more connections than stacks: the handlers of those that stand have some"
config http '{memory: 16M}'
crowd 330
await says 'short of stacks or memory (limits.memory)' || fail "the log does not say what is short"
peak=$(held)
leave
await given_back $((peak - (1 << 20))) || fail "of $peak bytes $(held) are held after the burst"
hello || fail "nobody is served after the burst"
stop

for module in hello echo async; do
	note "$module: a burst, and one more"
	config "$module" '{io: 64}'
	open=()
	for ((i = 0; i < 80; i++)); do
		exec {fd}<>"/dev/tcp/127.0.0.1/$port" || break
		open+=("$fd")
	done
	leave
	exec {fd}<>"/dev/tcp/127.0.0.1/$port" || fail "$module accepts nobody any more"
	echo x >&"$fd"
	read -r -t 120 -u "$fd" line || fail "$module serves nobody any more"
	exec {fd}>&-
	stop
done
