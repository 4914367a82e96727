#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# 200,000 events a second for ten seconds, with buffers as they are: each is received
# or counted as lost. How many there are is the service's own count.
. "$(dirname "$0")/../lib.sh"
need jq awk
n=2000000

cat >"$dir/pour.yaml" <<YAML
trace: false
services:
  - name: pour
    module: $BH_CLIENTS/pace.so
    workers: 1
    listen: ["127.0.0.1:0"]
    options: {pour: $n}
YAML
export POUR_DIR=$dir
start "$dir/pour.yaml"
poured() { grep -q "^pace: round $1, polled $n times" "$log"; }
# exact RECEIVED LOST OTHERS
exact() {
	note "received $1, lost $2, of $n; and $3 others"
	[ $(($1 + $2)) = "$n" ] || fail "$1 and $2 do not add up to $n"
}
# A recording is on when the service has polls in it: it looks for its file.
recording() { [ "$(bhctl trace stream --seconds 1 2>/dev/null | grep -c 'poll .*pace.pours')" -gt 0 ]; }

# Who only counts.
env --default-signal=INT "$BH_BIN/bhctl" trace hogs --seconds 600 --json >"$dir/hogs" 2>"$dir/err" &
reader=$!
await recording || fail "nothing is recorded"
touch "$dir/go.1"
await poured 1 || fail "no end: $(tail -n 1 "$log")"
recording || fail "the recording has ended"
kill -INT "$reader"
wait "$reader" # 1: without Linux's view only polls are counted
[ $? = 1 ] || fail "hogs: $(cat "$dir/err")"
exact "$(jq '.hogs[] | select(.type == "pace.pour") | .polls' "$dir/hogs")" "$(jq .lost "$dir/hogs")" \
	"$(jq '[.hogs[] | select(.type != "pace.pour") | .polls] | add' "$dir/hogs")"

# Who prints each. A recording whose reader comes too late is interrupted, and says so: what
# happened meanwhile is in no count, so it is the next round that counts.
for ((round = 2; ; round++)); do
	env --default-signal=INT "$BH_BIN/bhctl" trace stream 2>"$dir/err" >"$dir/stream" &
	reader=$!
	await grep -q 'poll .*pace.pours' "$dir/stream" || fail "nothing is recorded"
	touch "$dir/go.$round"
	await poured $round || fail "no end: $(tail -n 1 "$log")"
	recording || fail "the recording has ended"
	kill -INT "$reader"
	wait "$reader" || fail "stream: $(cat "$dir/err")"
	grep -q interrupted "$dir/stream" || break
	[ $round -lt 5 ] || fail "each recording was interrupted"
	note "the recording was interrupted: once more"
done
read -r got lost others < <(awk '/ poll +0x[0-9a-f]+ pace.pour / {n++; next} /events lost here/ {l += $2; next} {o++}
	END {print n + 0, l + 0, o + 0}' "$dir/stream")
exact "$got" "$lost" "$others"
grep -qx "bhctl: $((got + others)) events, $lost lost" "$dir/err" || fail "the sums differ: $(cat "$dir/err")"
grep '^pace: round' "$log"

# -- what nobody recorded ----------------------------------------------------------
env --default-signal=INT "$BH_BIN/bhctl" trace stream >"$dir/stream" 2>"$dir/err" &
reader=$!
await grep -q 'poll .*pace.pours' "$dir/stream" || fail "nothing is recorded"
! grep -q interrupted "$dir/stream" || fail "a recording that goes on is said to be interrupted"
late() { # the reader comes too late: the recording ends after three seconds
	kill -STOP "$reader"
	sleep 4
	kill -CONT "$reader"
	sleep 0.5
	grep -q interrupted "$dir/stream"
}
await late || fail "a reader that comes too late is not told"
gaps() { grep -c interrupted "$dir/stream"; }
before=$(gaps)
kill -KILL "$(status .kernel.pid)"
more() { [ "$(gaps)" -gt "$before" ]; }
await more || fail "a kernel that dies ends the recording, and nobody is told"
kill -INT "$reader"
wait "$reader" || fail "stream: $(cat "$dir/err")"
grep -q "interrupted $(gaps) times" "$dir/err" || fail "the sums differ: $(cat "$dir/err")"
note "gaps are told"
stop
