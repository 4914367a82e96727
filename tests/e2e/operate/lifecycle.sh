#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Starting and stopping: what is under way is finished, all are reaped, no file
# is left; a second signal means now; what cannot start says why, in one sentence.
. "$(dirname "$0")/../lib.sh"
need curl jq

refused() { # CODE WORD COMMAND...: it ends with CODE and one line that has WORD.
	local want=$1 word=$2 got
	shift 2
	timeout 200 "$@" >"$dir/refused" 2>&1
	got=$?
	[ "$got" = "$want" ] || fail "$*: exit code $got, not $want: $(cat "$dir/refused")"
	[ "$(wc -l <"$dir/refused")" = 1 ] || fail "$*: not one line: $(cat "$dir/refused")"
	grep -q "$word" "$dir/refused" || fail "$*: does not mention $word: $(cat "$dir/refused")"
	note "$(cat "$dir/refused")"
}

note "a request under way is finished, an idle connection closed: neither costs the grace period"
printf 'grace: 1h\nservices:\n  - name: http\n    module: http.so\n    listen: ["127.0.0.1:0"]\n' >"$dir/hour.yaml"
start "$dir/hour.yaml"
coproc HOLD { "$BH_CLIENTS/hold" "$port" 3; }
read -r -t 120 _ <&"${HOLD[0]}" || fail "hold does not start"
connected() { [ "$(status '.services[0].io.open')" -ge 4 ]; }
await connected || fail "the connections are not there: $(status '.services[0].io')"
under_way 1500
stop
wait "$slow" || fail "the request under way was cut off"
grep -q '^slept' "$dir/slow" || fail "the request under way got: $(cat "$dir/slow")"
curl -s -m 120 "$url/hello" && fail "somebody still listens"

cut_off() { ! grep -q slept "$dir/slow" || fail "the request was waited for"; }

note "SIGINT twice, not within a second: now"
start "$dir/hour.yaml"
under_way 60000
kill -INT "$pid"
kill -INT "$pid"
sleep 1.2
alive "$pid" || fail "the first SIGINT, told twice, did not wait for the request"
begin=$(now_ms)
kill -INT "$pid"
ended
cut_off
nothing_left
note "it ended $(($(now_ms) - begin)) ms after the second, with exit code $code"
pid=

note "bhctl stop"
start
remember_family
bhctl stop >/dev/null || fail "bhctl stop: exit code $?"
ended
[ "$code" = 0 ] || fail "bhctl stop: the system's exit code is $code"
nothing_left
pid=

note "the grace period ends"
cat >"$dir/grace.yaml" <<YAML
grace: 1s
services:
  - name: http
    module: http.so
    listen: ["127.0.0.1:0"]
YAML
start "$dir/grace.yaml"
under_way 60000
begin=$(now_ms)
remember_family
kill -TERM "$pid"
ended
took=$(($(now_ms) - begin))
[ "$took" -ge 900 ] || fail "the grace period was not kept: $took ms"
cut_off
nothing_left
pid=

note "what cannot start says why"
start
refused 111 "$port" "$BH_BIN/bulkhead" run --listen "127.0.0.1:$port" --admin "ipc://$dir/other.sock"
refused 111 admin.sock "$BH_BIN/bulkhead" run --listen 127.0.0.1:0 --admin "$BULKHEAD_ADMIN"
refused 100 nothing.yaml "$BH_BIN/bulkhead" run "$dir/nothing.yaml"
printf 'services:\n  - name: x\n    module: nothing.so\n' >"$dir/nomodule.yaml"
refused 100 nothing.so "$BH_BIN/bulkhead" run "$dir/nomodule.yaml" --admin "ipc://$dir/other.sock"
[ "$(status '[.listen[]?, .services[0].listen[]?] | map(tostring) | join(" ")' | grep -c ":$port")" = 1 ] ||
	fail "bhctl status does not name port $port"
hello || fail "the running system was disturbed"
stop
refused 3 . "$BH_BIN/bhctl" status
[ -z "$(find "$dir" -name '*.sock')" ] || fail "left behind: $(find "$dir" -name '*.sock')"
