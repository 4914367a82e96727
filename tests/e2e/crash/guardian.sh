#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The guardian is killed: what is under way gets its answer, and nothing is left,
# whoever else is killed in the same instant or stands still.
. "$(dirname "$0")/../lib.sh"
need curl jq

system_pids() { # ROLE
	case $1 in
	guardian) echo "$pid" ;;
	kernel) children "$pid" bulkhead-kernel ;;
	admind) children "$pid" bulkhead-admind ;;
	zygotes) children "$pid" bulkhead-host ;;
	worker) worker_pids | head -n 1 ;;
	esac
}

# kill_at_once ROLE...: stopped first, so that none of them sees another's death.
kill_at_once() {
	local role pids=()
	for role; do
		mapfile -t -O "${#pids[@]}" pids < <(system_pids "$role")
	done
	[ ${#pids[@]} -ge $# ] || fail "$*: only ${pids[*]} were found"
	kill -STOP "${pids[@]}"
	kill -KILL "${pids[@]}"
}

none_left() {
	local p
	for p in "${family[@]}"; do
		within 5 gone "$p" || fail "process $p is an orphan: $(tr '\0' ' ' <"/proc/$p/cmdline")"
	done
	wait "$pid" 2>/dev/null
	rm -f "$dir/admin.sock"
	pid=
}

note "alone: a request under way is answered"
start
coproc REQUEST { exec "$BH_CLIENTS/hold" "$port" 3; }
read -r -t 10 _ <&"${REQUEST[0]}" || fail "hold does not start"
curl -s -m 20 "$url/sleep?ms=300" >"$dir/slow" &
slow=$!
under_way() { [ "$(status '.services[0].tasks.live')" -ge 6 ]; }
within 1 under_way || fail "the request has not begun: $(status '.services[0].tasks')"
remember_family
kill -KILL "$pid"
wait "$slow" || fail "the request under way was cut off"
grep -q '^slept' "$dir/slow" || fail "the request under way got: $(cat "$dir/slow")"
none_left
grep -q 'the guardian was killed' "$log" || fail "the log does not say so"
curl -s -m 2 "$url/hello" && fail "somebody still listens"

for others in kernel zygotes admind worker "kernel zygotes" "kernel worker" "kernel admind"; do
	note "with $others"
	start
	# shellcheck disable=SC2086 # several words
	kill_at_once guardian $others
	none_left
done

for others in "" kernel; do
	note "while a worker is stopped, ${others:-alone}"
	start
	kill -STOP "$(system_pids worker)"
	# shellcheck disable=SC2086
	kill_at_once guardian $others
	none_left
done
