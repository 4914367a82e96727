#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The other examples: the echo, async and hello modules, and a program with its service
# linked in.
. "$(dirname "$0")/../lib.sh"
need curl jq
: "${BH_EMBED:=$BH_BIN/embed}"

# module NAME: a configuration that runs it.
module() {
	printf 'services:\n  - name: %s\n    module: %s.so\n    listen: ["127.0.0.1:0"]\n' "$1" "$1" >"$dir/$1.yaml"
	start "$dir/$1.yaml"
}

module hello
exec {socket}<>"/dev/tcp/127.0.0.1/$port"
read -r -t 120 line <&"$socket"
[ "$line" = hello ] || fail "hello says $line"
exec {socket}>&-
stop

module echo
exec {socket}<>"/dev/tcp/127.0.0.1/$port"
for word in one two three; do
	echo "$word" >&"$socket"
	read -r -t 120 line <&"$socket"
	[ "$line" = "$word" ] || fail "echo of $word: $line"
	mapfile -t pids < <(worker_pids)
	kill -KILL "${pids[@]}" 2>/dev/null # the connection survives that
done
exec {socket}>&-
stop

module async
exec {socket}<>"/dev/tcp/127.0.0.1/$port"
for word in one two three; do
	echo "$word" >&"$socket"
	read -r -t 120 line <&"$socket"
	[ "$line" = "$word" ] || fail "async echo of $word: $line"
done
exec {socket}>&-
stop

timeout 200 "$BH_EMBED" --workers 2 --admin "$BULKHEAD_ADMIN" >"$dir/embed" 2>&1
code=$?
[ "$code" = 0 ] || fail "embed: exit code $code: $(cat "$dir/embed")"
for line in '0 squared is 0' '9 squared is 81' '7 squared: signal 6 ended it in worker'; do
	grep -q "^$line" "$dir/embed" || fail "embed does not say '$line': $(cat "$dir/embed")"
done
[ "$(grep -c squared "$dir/embed")" = 10 ] || fail "embed: $(cat "$dir/embed")"
[ ! -e "$dir/admin.sock" ] || fail "embed leaves its admin socket behind"
