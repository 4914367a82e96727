#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Clients that leave while their requests are worked on: the handlers end, jobs in blocking
# processes too; clients that only ended their sending get their answers.
. "$(dirname "$0")/../lib.sh"
need curl jq socat

start --workers 2
sockets=$(status '.services[0].io.open')
tasks=$(status '.services[0].tasks.live')

fds=()
# ask COUNT PATH: so many clients ask for it and wait.
ask() {
	local i fd
	for ((i = 0; i < $1; i++)); do
		exec {fd}<>"/dev/tcp/127.0.0.1/$port" || fail "client $i cannot connect"
		printf 'GET %s HTTP/1.1\r\nHost: a\r\n\r\n' "$2" >&"$fd"
		fds+=("$fd")
	done
}
leave() {
	local fd
	for fd in "${fds[@]}"; do
		exec {fd}>&-
	done
	fds=()
}
# Each has a task for the connection and one for the handler.
worked_on() { [ "$(status '.services[0].tasks.live')" = $((tasks + 2 * $1)) ]; }
as_before() {
	[ "$(status '.services[0].io.open')" = "$sockets" ] && [ "$(status '.services[0].tasks.live')" = "$tasks" ]
}
left() { fail "$1 left behind: $(status '.services[0].io.open') sockets, $(status '.services[0].tasks.live') tasks"; }

note "300 clients leave"
ask 300 '/sleep?ms=60000'
await worked_on 300 || fail "not all requests are worked on"
leave
await as_before || left "handlers"

note "clients of jobs leave"
ask 20 '/blocking?ms=60000'
await worked_on 20 || fail "not all jobs are worked on"
leave
await as_before || left "jobs"

note "clients leave behind a second request"
ask 20 '/sleep?ms=60000'
for fd in "${fds[@]}"; do
	printf 'GET /hello HTTP/1.1\r\nHost: a\r\n\r\n' >&"$fd"
done
await worked_on 20 || fail "not all requests are worked on"
leave
await as_before || left "handlers"

# half VERSION PATH: asks and ends its sending at once; the answer.
half() {
	printf 'GET %s HTTP/%s\r\nHost: a\r\n\r\n' "$2" "$1" | socat -t 30 - "TCP:127.0.0.1:$port"
}

note "clients that only ended their sending are answered"
half 1.1 /hello | grep -q 'Hello from Bulkhead' || fail "HTTP/1.1 is not answered"
half 1.0 /hello | grep -q 'Hello from Bulkhead' || fail "HTTP/1.0 is not answered"
half 1.1 '/crash?how=segv' | grep -q 'SIGSEGV' || fail "a crash is not answered"
half 1.0 '/sleep?ms=200' | grep -q slept || fail "HTTP/1.0 is not answered after a moment"
half 1.1 '/sleep?ms=3000' >"$dir/late"
grep -q slept "$dir/late" || fail "HTTP/1.1 is not answered after a while: $(cat "$dir/late")"
await as_before || left "handlers"

stop
