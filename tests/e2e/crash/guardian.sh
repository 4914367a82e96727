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
		await gone "$p" || fail "process $p is an orphan: $(tr '\0' ' ' <"/proc/$p/cmdline")"
	done
	wait "$pid" 2>/dev/null
	rm -f "$dir/admin.sock"
	pid=
}

# Half a second is what requests have. On a machine so busy that it does not do for one of
# 300 ms, another system shows it.
answered() {
	start
	coproc REQUEST { exec "$BH_CLIENTS/hold" "$port" 3; }
	read -r -t 120 _ <&"${REQUEST[0]}" || fail "hold does not start"
	connected() { [ "$(status '.services[0].io.open')" -ge 4 ]; }
	await connected || fail "the connections are not there: $(status '.services[0].io')"
	under_way 300
	remember_family
	kill -KILL "$pid"
	wait "$slow"
	none_left
	grep -q 'the guardian was killed' "$log" || fail "the log does not say so"
	curl -s -m 120 "$url/hello" && fail "somebody still listens"
	grep -q '^slept' "$dir/slow"
}

note "alone: a request under way is answered"
await answered || fail "the request under way was cut off"

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
