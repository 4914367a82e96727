#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bhctl top on a real terminal of 80x24: a busy worker's bar, a crash, sorting, help,
# other sizes, a system that ends and comes back; and what it says without a terminal.
. "$(dirname "$0")/../lib.sh"
need curl jq tmux

export TMUX_TMPDIR=$dir
mux() { tmux -L top -f /dev/null "$@"; }
screen() { mux capture-pane -p -t top; }
# Patterns are of one line each.
shows() { screen | grep -Eq -- "$1"; }
lacks() { ! shows "$1"; }
see() { await shows "$1" || fail "$2: $(screen)"; }
press() { mux send-keys -t top "$@"; }
bye() {
	mux kill-server 2>/dev/null
	cleanup
}
trap bye EXIT

start
note "without a terminal"
"$BH_BIN/bhctl" top </dev/null >"$dir/out" 2>"$dir/err"
[ $? = 100 ] || fail "exit code without a terminal"
grep -q 'top --once' "$dir/err" || fail "it does not say what to do instead: $(cat "$dir/err")"
[ ! -s "$dir/out" ] || fail "it prints to what is no terminal"
bhctl top --once >"$dir/out" || fail "--once"
grep -q '^http .* up .*2/2' "$dir/out" || fail "--once: $(cat "$dir/out")"
LC_ALL=C grep -q '[^ -~]' "$dir/out" && fail "--once prints more than text"
bhctl top --json >/dev/null 2>&1
[ $? = 100 ] || fail "--json is not refused"

note "80x24"
mux new-session -d -s top -x 80 -y 24 "sh" || fail "no tmux"
mux set-option -g status off
mux resize-window -t top -x 80 -y 24
press "PS1=; clear; stty -a >'$dir/before'; TERM=no-such-terminal '$BH_BIN/bhctl' top 2>'$dir/err'; echo unknown=\$?" Enter
see '^unknown=100' "a terminal of unknown type"
grep -q 'no-such-terminal' "$dir/err" || fail "it does not name the terminal: $(cat "$dir/err")"
press "clear; '$BH_BIN/bhctl' top; echo ended=\$?; stty -a >'$dir/after'" Enter
see '^q quit  h help' "the keys are not named"
see '^http +up +2/2' "the service"
see '^http  1 +\[' "the workers"
[ "$(screen | wc -l)" -le 24 ] || fail "too many lines"

note "a task that spins"
spinning() { while curl -s -m 120 "$url/spin?ms=2000"; do :; done; }
spinning >"$dir/body" &
spin=$!
see '^http  [01] +\[#[#+]{7}.* http\.spin' "the bar of a busy worker"
see '^http\.spin +http +[1-9][0-9]+% ' "the hottest type"
shows '^(http\.main)' || fail "other types: $(screen)"

note "a crash"
curl -s -m 120 "$url/crash?how=segv" >/dev/null
see '^ +1 [0-9:]{8} http +worker [01] +SIGSEGV .* http\.crash' "the crash"

note "sorting"
see 'workers by WORKER \^' "the sort order"
press 3
see 'workers by BUSY v' "another column"
first_worker() { screen | grep -E '^http  [01] ' | head -n 1 | grep -q 'http\.spin'; }
await first_worker || fail "the busiest is not first: $(screen)"
press r
see 'workers by BUSY \^' "the other way round"
first_idle() { ! first_worker; }
await first_idle || fail "the busiest is not last: $(screen)"
press '<'
see 'workers by busy\+wait v' "the column before"
press Tab
see 'task types by SHARE v' "the next table"
press Enter
see 'task types by SHARE v' "one table"
await lacks '^SERVICE' || fail "other tables beside the one: $(screen)"
press Enter
see '^SERVICE' "all tables"

note "help, pause"
press h
see 'keys and columns' "the help page"
see 'q +quit' "the help page"
press x
await lacks 'keys and columns' || fail "the help page stays"
press p
see '^paused' "paused"
press p
await lacks '^paused' || fail "it stays paused"

note "other sizes"
mux resize-window -t top -x 40 -y 10
await shows '^q quit  h help  Tab table  < > sort  r r$' || fail "40x10: $(screen)"
see '^http  [01] +\[' "40x10: the workers"
for size in "1 1" "200 3" "2 60" "132 50"; do
	mux resize-window -t top -x "${size% *}" -y "${size#* }"
done
see ' QUEUED +CRASHES +PID RUNS' "132x50 has more columns"
mux resize-window -t top -x 80 -y 24
see '^q quit .*Enter alone' "80x24 again"
lacks 'PID RUNS' || await lacks 'PID RUNS' || fail "columns of 132: $(screen)"

note "the system ends and comes back"
kill "$spin"
await lacks "http\.spin, |[01] .* http\.spin\$" || fail "it spins on"
stop
see '^no answer' "it does not say that the system is gone"
start
see '^a new system' "the new system"
await lacks '^(no answer|a new system)' || fail "it goes on about it"
see '^no crashes' "crashes of another system"

note "quit"
press q
see '^ended=0' "it does not end"
await test -s "$dir/after" || fail "no shell"
cmp "$dir/before" "$dir/after" || fail "the terminal is not as it was"
lacks '^SERVICE' || fail "the picture stays: $(screen)"
press "clear; '$BH_BIN/bhctl' top; echo again=\$?" Enter
see '^http +up +2/2' "again"
press C-c
see '^again=0' "Ctrl-C"
press "clear; NO_COLOR=1 '$BH_BIN/bhctl' top" Enter
see '^http +up +2/2' "NO_COLOR"
mux capture-pane -e -p -t top | grep -Eq $'\e\\[[0-9;]*3[0-7]m' && fail "colours in spite of NO_COLOR"
press q
stop
