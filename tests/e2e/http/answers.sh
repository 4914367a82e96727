#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The demo's answers as clients and what stands before them see them: a date in each, and
# the last one whole, whatever the client goes on to send.
. "$(dirname "$0")/../lib.sh"
need curl socat

start

note "a date is in every answer"
for path in /hello /nosuch / '/crash?how=segv'; do
	curl -s -m 120 -D "$dir/head" -o "$dir/body" "$url$path"
	grep -qE '^Date: (Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-3][0-9] [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT.$' "$dir/head" ||
		fail "no date in the answer to $path: $(cat "$dir/head")"
done

# A client with a small window that goes on sending: closing on unread bytes resets the
# connection, and the end of the answer is lost with it.
note "bytes behind the last request do not cost its answer"
size=200000
{
	printf 'POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n' $size
	head -c $size /dev/zero | tr '\0' x
	head -c 20000 /dev/zero | tr '\0' y
} >"$dir/request"
for _ in 1 2 3 4 5; do
	socat -t 10 "FILE:$dir/request,rdonly!!STDOUT" "TCP:127.0.0.1:$port,rcvbuf=4096" >"$dir/answer" 2>"$dir/socat" ||
		fail "the connection did not end in order: $(cat "$dir/socat")"
	[ "$(tr -cd x <"$dir/answer" | wc -c)" -ge $size ] || fail "the answer is cut at $(wc -c <"$dir/answer") bytes"
done
stop
