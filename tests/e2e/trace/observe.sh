#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What Linux saw: each crash that is provoked is reported live, with its task and its
# functions; who spins is the hog and has the profile. Needs BPF.
. "$(dirname "$0")/../lib.sh"
need curl jq wrk
need_linux_view

start
hello || fail "/hello does not answer"

# -- crashes ----------------------------------------------------------------------
# Not the function: its subshell would get the signals, and ignore them.
env --default-signal=INT "$BH_BIN/bhctl" trace crashes -f --json >"$dir/deaths" 2>"$dir/err" &
follower=$!
deaths() { jq -es "$1" "$dir/deaths" >/dev/null 2>&1; }
# A follower says nothing until something dies: provoke until it is there.
watched() {
	curl -s -m 120 "$url/crash?how=segv" >/dev/null
	deaths 'length > 0'
}
await watched || fail "no crash is followed: $(cat "$dir/err")"
before=$(bhctl crashes --json | jq .total)
declare -A signal=([segv]=11 [abort]=6 [fpe]=8 [kill]=9 [overflow]=11 [exit]=0)
for how in "${!signal[@]}"; do
	curl -s -m 120 "$url/crash?how=$how" >/dev/null
done
pids=$(bhctl crashes --json | jq -c "[.crashes[] | select(.id > $before) | .pid]")
[ "$(jq length <<<"$pids")" = 6 ] || fail "not each way to die was one: $pids"
await deaths "[.[].pid] as \$seen | $pids - \$seen == []" || fail "$pids died, and these were seen: $(cat "$dir/deaths")"
deaths 'all(.[]; .task_name == "http.crash" and .task != "0x0")' || fail "a crash has another task: $(cat "$dir/deaths")"
for how in "${!signal[@]}"; do
	deaths "any(.[]; .signal == ${signal[$how]})" || fail "no death by $how"
done
deaths 'any(.[]; .signal == 11 and .address == "0x0" and .sender_pid == .pid and (.registers | length) > 10)' ||
	fail "the fault lacks its address or registers"
deaths 'any(.[]; .signal == 11 and (.frames | length) > 1 and (.frames[0].function | startswith("by_segv")))' ||
	fail "the fault has no names: $(jq -c .frames "$dir/deaths")"
# Through the C library, which keeps no frame pointers, and to the end of the stack.
if [ "$(uname -m)" = x86_64 ]; then
	for sig in 6 9; do
		deaths "any(.[]; .signal == $sig and ([.frames[].function | sub(\" .*\"; \"\")] |
			contains([\"http_crash\", \"fiber_main\"])))" ||
			fail "signal $sig: its stack is not walked to its end: $(jq -c "select(.signal == $sig) | .frames" "$dir/deaths")"
	done
	deaths 'any(.[]; .signal == 6 and any(.frames[]; .function | startswith("abort")))' || fail "abort() is not in its stack"
fi
deaths 'any(.[]; .signal == 0 and .exit_code == 3)' || fail "an exit is not told"
victim=$(status '[.services[0].workers[].pid][0]')
kill -KILL "$victim"
await deaths "any(.[]; .pid == $victim and .signal == 9 and .sender_pid == $$ and .sender == \"$(cat /proc/$$/comm)\")" ||
	fail "who killed a worker is not told: $(tail -n 1 "$dir/deaths")"
kill -INT "$follower"
wait "$follower" || fail "the follower fails: $(cat "$dir/err")"
note "each crash is seen, with its task, its functions, its sender"

# -- hogs, wakers, profile ------------------------------------------------------------
# One after the other: a poll that began before the recording is not told.
spins() { for _ in 1 2 3 4 5 6; do curl -s -m 120 "$url/spin?ms=700" >/dev/null; done & }
spin() { curl -s -m 120 "$url/spin?ms=2500" >/dev/null & }
spins
bhctl trace hogs --seconds 4 --json >"$dir/hogs" || fail "hogs: exit code $?"
# What came before the recording did is not in it, which may be much on a busy machine.
jq -e '.hogs[0] | .type == "http.spin" and .samples > 10 and .longest_ns >= 600000000' "$dir/hogs" >/dev/null ||
	fail "who spins is not the hog: $(cat "$dir/hogs")"
spin
bhctl trace profile --seconds 3 >"$dir/folded" 2>/dev/null || fail "profile: exit code $?"
grep -q '^http;http.spin;.*http_spin' "$dir/folded" || fail "the profile lacks what spins: $(cat "$dir/folded")"
# Libraries without frame pointers lead the walk astray: no frame is a number for that.
wrk -t1 -c8 -d4s "$url/hello" >/dev/null &
bhctl trace profile --seconds 3 >"$dir/folded" 2>/dev/null || fail "profile: exit code $?"
wait $!
grep -q 'llhttp_' "$dir/folded" || fail "the profile lacks the parser: $(cat "$dir/folded")"
! grep ';0x' "$dir/folded" || fail "frames that are no code are told"
spin
bhctl trace profile --seconds 3 -o "$dir/flame.svg" 2>/dev/null || fail "profile: exit code $?"
grep -q '<title>http_spin: ' "$dir/flame.svg" || fail "the flame graph lacks what spins"
grep -q '</svg>' "$dir/flame.svg" || fail "the flame graph is cut"
for _ in 1 2 3 4 5 6 7 8 9 10; do sleep 0.2; curl -s "$url/hello" >/dev/null; done &
bhctl trace wakers --seconds 3 --json >"$dir/wakers" || fail "wakers: exit code $?"
jq -e 'any(.wakers[]; .woken | startswith("worker http/"))' "$dir/wakers" >/dev/null || fail "nobody woke a worker: $(cat "$dir/wakers")"
wait %% 2>/dev/null || :
stop
