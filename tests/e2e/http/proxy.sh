#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The proxy example between clients and servers that know nothing of Bulkhead: what is
# sent arrives, and the end of one way leaves the other open.
. "$(dirname "$0")/../lib.sh"
need curl jq nc socat

head -c 8000000 /dev/urandom >"$dir/data"
sum=$(sha256sum <"$dir/data")

# upstream ADDRESS: a system with the proxy, which passes on to it.
upstream() {
	cat >"$dir/proxy.yaml" <<-END
		services:
		  - name: proxy
		    module: proxy.so
		    options: {to: "$1"}
	END
	start "$dir/proxy.yaml"
}

# sums: many clients at once; each sends all, ends its half, and gets the answer.
sums() {
	local i
	for i in 1 2 3 4 5 6 7 8; do
		timeout 200 nc -N 127.0.0.1 "$port" <"$dir/data" >"$dir/sum.$i" &
		clients[i]=$!
	done
	for i in 1 2 3 4 5 6 7 8; do
		wait "${clients[i]}"
		[ "$(cat "$dir/sum.$i")" = "$sum" ] || fail "client $i: $(cat "$dir/sum.$i")"
	done
}

# As long as it takes: socat gives the other way half a second after the first has ended.
socat -t 60 "UNIX-LISTEN:$dir/socket,fork,backlog=64" EXEC:sha256sum 2>"$dir/socat" &
await test -S "$dir/socket" || fail "socat does not listen"
upstream "unix:$dir/socket"
sums
note "eight clients through a Unix socket"

mapfile -t pids < <(worker_pids)
kill -KILL "${pids[@]}"
await workers_up "${#pids[@]}" || fail "the workers do not come back"
sums
note "and once more, with other workers"
stop

cat >"$dir/answer" <<-END
	#!/bin/sh
	while read -r line && [ "\${#line}" -gt 1 ]; do :; done
	printf 'HTTP/1.0 200 OK\r\n\r\n'
	cat "$dir/data"
END
chmod +x "$dir/answer"
socat -t 60 -d -d TCP-LISTEN:0,bind=127.0.0.1,fork EXEC:"$dir/answer" 2>"$dir/http" &
await grep -q 'listening on' "$dir/http" || fail "no server: $(cat "$dir/http")"
upstream "$(sed -n 's/.*listening on AF=2 //p' "$dir/http" | head -n 1)"
[ "$(curl -s -m 120 "$url/data" | sha256sum)" = "$sum" ] || fail "curl gets something else"
note "curl through TCP"
stop

upstream "unix:$dir/nobody"
[ -z "$(timeout 200 nc -N 127.0.0.1 "$port" </dev/null)" ] || fail "an answer from nobody"
grep -q 'proxy: unix:.*nobody: No such file' "$log" || fail "it does not say why"
stop
