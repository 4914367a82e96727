#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Linux refuses a system call: the filter of a container or of a unit, or an old version.
# Each call that a system makes is refused in turn, with ENOSYS and with EPERM. Then either
# the system serves, outlives a crash and its kernel's death, and stops; or it ends with
# exit code 111 and one sentence that names the call. It neither turns nor hangs.
#
#   refused.sh                  all of them
#   refused.sh --one CALL HOW   one, or `container ""` (see refuse.c)
. "$(dirname "$0")/../lib.sh"
need curl jq # jq is for the one under strace
refuse=$BH_CLIENTS/refuse
self=$(readlink -f "$0")
AT_ONCE=4

# These run a hundred times: as few processes as may be.
said() { [[ $(<"$log") == *$1* ]]; }
attached() { said "kernel 2 * attached"; } # a pattern
settled() { said "listening on" || gone "$pid"; }
pids() { read -ra family <"/proc/$pid/task/$pid/children"; }

ticks() { # of CPU time, by all processes of the system
	local p sum=0 t
	for p in "$pid" "${family[@]}"; do
		read -ra t <"/proc/$p/stat" && sum=$((sum + t[13] + t[14]))
	done
	echo "$sum"
}

# gets: /hello, a timer, a crash and /hello on one connection
gets() {
	local got
	got=$(curl -s -m 120 "$url/hello" "$url/sleep?ms=20" "$url/crash?how=segv" "$url/hello" |
		sed -n 's/^\(Hello\|slept\|  cause\) .*/\1/p' | tr -d ' \n')
	[ "$got" = HellosleptcauseHello ] || fail "it runs, and answers $got"
}

serves() {
	local p before
	port=$(sed -n 's|^listening on .*127\.0\.0\.1:\([0-9]*\).*|\1|p' "$log")
	url=http://127.0.0.1:$port
	gets
	pids
	for p in "${family[@]}"; do
		[[ $(<"/proc/$p/comm") != bulkhead-kernel ]] || kill -KILL "$p"
	done
	await attached || fail "no kernel follows the dead one"
	gets
	pids
	before=$(ticks)
	sleep 0.2
	# Of 20 for each process that turns; a machine that is busy makes it less, never more.
	[ $(($(ticks) - before)) -le 8 ] || fail "it turns, though there is nothing to do"
	kill -TERM "$pid"
	ended
	[ "$code" = 0 ] || fail "SIGTERM: exit code $code, not 0"
	nothing_left
	pid=
}

says() { # says CALL
	wait "$pid"
	code=$?
	pid=
	[ "$code" = 111 ] || fail "exit code $code, not 111"
	[ "$(wc -l <"$log")" = 1 ] || fail "not one sentence"
	grep -q "$1() is refused here.*system call filter" "$log" || fail "it says something else"
}

if [ "${1:-}" = --one ]; then
	trace=false
	[[ $2 != *bpf* && $2 != *cap* && $2 != container ]] || trace=true
	printf '%s\n' "trace: $trace" "services:" \
		"  - { name: http, workers: 2, listen: ['127.0.0.1:0'] }" >"$dir/refused.yaml"
	"$refuse" "$2" ${3:+"$3"} "$BH_BIN/bulkhead" run --admin "$BULKHEAD_ADMIN" \
		"$dir/refused.yaml" >"$log" 2>&1 </dev/null &
	pid=$!
	await settled || fail "$2 ${3:-}: it neither runs nor ends"
	if gone "$pid"; then
		says "$2"
		echo "$2 ${3:-}: says so"
	else
		serves
		echo "$2 ${3:-}: serves"
	fi
	exit 0
fi

[ -x "$refuse" ] || fail "there is no $refuse"
"$refuse" getppid EPERM true || skip "no system call filters here"

# one_each: reads lines CALL HOW
one_each() {
	xargs -P "$AT_ONCE" -L 1 "$self" --one >"$dir/done" 2>"$dir/why" ||
		fail "$(tail -n 60 "$dir/why")"
}

note "each call in turn"
"$refuse" --list | while read -r call why; do
	[ -n "$why" ] || printf '%s\n' "$call ENOSYS" "$call EPERM"
done >"$dir/calls"
one_each <"$dir/calls"
for call in clone3 execveat epoll_pwait2 close_range madvise faccessat2 bpf; do
	for how in ENOSYS EPERM; do
		grep -qx "$call $how: serves" "$dir/done" || fail "without $call it should serve"
	done
done
note "$(grep -c serves "$dir/done") times it serves, $(grep -c says "$dir/done") times it says why not"

note "a filter that kills; what is newer than Linux 5.10, and what containers refuse, all at once"
cat >"$dir/calls" <<-'EOF'
	epoll_ctl KILL
	clone3 KILL
	epoll_pwait2 KILL
	bpf KILL
	clone3,close_range,epoll_pwait2,faccessat2,rseq,bpf,perf_event_open,getrandom ENOSYS
	clone3,close_range,epoll_pwait2,faccessat2,rseq,bpf,perf_event_open,getrandom EPERM
	container
EOF
one_each <"$dir/calls"
grep -q "^container.*serves" "$dir/done" || fail "it does not serve in a container"
[ "$(grep -c serves "$dir/done")" = 4 ] || fail "$(cat "$dir/done")"

note "the list is complete"
listed() { "$refuse" --list | grep -q "^$1 "; }
sources=$(dirname "$self")/../../../tools/bulkhead/calls.c
for call in $(sed -n 's/^\t{ [A-Z]*(\([a-z0-9_]*\)), .*/\1/p' "$sources"); do
	listed "$call" || case $call in
	epoll_pwait | faccessat | mkdirat | readlinkat | unlinkat) ;; # the other machines'
	*) fail "tools/bulkhead/calls.c tries $call, and refuse.c has it not" ;;
	esac
done
if ! strace -f -o "$dir/probe" true 2>/dev/null; then
	note "(not compared with what a system does: no strace here)"
	exit 0
fi
strace -f -qq -e signal=none -o "$dir/trace" "$BH_BIN/bulkhead" run --listen 127.0.0.1:0 \
	--admin "$BULKHEAD_ADMIN" >"$log" 2>&1 </dev/null &
tracer=$!
pid=
is_there() { pid=$(children "$tracer" | head -n 1) && [ -n "$pid" ] && started; }
await is_there || fail "it does not start under strace"
url=http://127.0.0.1:$port
gets
kill -KILL "$(status .kernel.pid)"
await attached || fail "no kernel follows the dead one, under strace"
gets
remember_family
kill -TERM "$pid"
await gone "$tracer" || fail "it does not stop under strace"
pid=
for call in $(sed -n 's/^[0-9]* *\([a-z0-9_]*\)(.*/\1/p' "$dir/trace" | sort -u); do
	listed "$call" || fail "a system calls $call(): refuse.c has it not"
done
