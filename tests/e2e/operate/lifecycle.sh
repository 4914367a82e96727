#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Starting and stopping: what is under way is finished, all are reaped, no file
# is left; a second signal means now; what cannot start says why, in one sentence.
. "$(dirname "$0")/../lib.sh"
need curl jq

refused() { # CODE WORD COMMAND...: it ends with CODE and one line that has WORD.
	local want=$1 word=$2 got
	shift 2
	timeout 20 "$@" >"$dir/refused" 2>&1
	got=$?
	[ "$got" = "$want" ] || fail "$*: exit code $got, not $want: $(cat "$dir/refused")"
	[ "$(wc -l <"$dir/refused")" = 1 ] || fail "$*: not one line: $(cat "$dir/refused")"
	grep -q "$word" "$dir/refused" || fail "$*: does not mention $word: $(cat "$dir/refused")"
	note "$(cat "$dir/refused")"
}

note "a request under way is finished, an idle connection closed"
start
begin=$(now_ms)
curl -s -m 20 "$url/sleep?ms=1500" >"$dir/slow" &
slow=$!
coproc HOLD { "$BH_CLIENTS/hold" "$port" 3; }
read -r -t 10 _ <&"${HOLD[0]}" || fail "hold does not start"
under_way() { [ "$(status '.services[0].tasks.live')" -ge 6 ]; }
within 1 under_way || fail "the request has not begun: $(status '.services[0].tasks')"
stop
wait "$slow" || fail "the request under way was cut off"
grep -q '^slept' "$dir/slow" || fail "the request under way got: $(cat "$dir/slow")"
took=$(($(now_ms) - begin))
[ "$took" -lt $((5000 * BH_SLOW)) ] || fail "the stop took $took ms"
curl -s -m 2 "$url/hello" && fail "somebody still listens"

note "SIGINT twice, not within a second: now"
start
curl -s -m 20 "$url/sleep?ms=20000" >/dev/null &
sleep 0.3
kill -INT "$pid"
kill -INT "$pid"
sleep 1.2
alive "$pid" || fail "the first SIGINT, told twice, did not wait for the request"
begin=$(now_ms)
kill -INT "$pid"
ended 3
nothing_left
note "it ended $(($(now_ms) - begin)) ms after the second, with exit code $code"
pid=

note "bhctl stop"
start
remember_family
bhctl stop >/dev/null || fail "bhctl stop: exit code $?"
ended 10
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
curl -s -m 20 "$url/sleep?ms=20000" >/dev/null &
sleep 0.3
begin=$(now_ms)
remember_family
kill -TERM "$pid"
ended 8
took=$(($(now_ms) - begin))
[ "$took" -ge 900 ] || fail "the grace period was not kept: $took ms"
[ "$took" -le $((3500 * BH_SLOW)) ] || fail "the grace period was 1 s, the stop took $took ms"
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
