# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# lib.sh: what every end-to-end test starts with. Each test runs a system of its
# own: a free port, an admin endpoint in a temporary directory, nothing shared.
# Waiting is for conditions, with a limit; there is no sleep that hopes.
#
# Set by start: pid (of the guardian), port, url. Programs under test are in
# $BH_BIN, the test's own clients in $BH_CLIENTS.

set -u -o pipefail

: "${BH_BIN:?the directory of the programs to test}"
: "${BH_CLIENTS:=$BH_BIN}"
: "${BH_SLOW:=1}" # more than 1: under sanitizers, which make all slower

dir=$(mktemp -d "${TMPDIR:-/tmp}/bh-e2e.XXXXXX") || exit 1
export BULKHEAD_ADMIN="ipc://$dir/admin.sock"
log=$dir/log
pid=
url=
port=
family=() # every process of the system we saw

fail() {
	echo "FAIL: $*" >&2
	if [ -s "$log" ]; then
		echo "--- the system's last words:" >&2
		tail -n 30 "$log" >&2
	fi
	exit 1
}

skip() {
	echo "SKIP: $*"
	exit 77
}

need() {
	local tool
	for tool; do
		command -v "$tool" >/dev/null || skip "$tool is not installed"
	done
}

note() { printf '%s\n' "- $*"; }

now_ms() { date +%s%3N; }

# await COMMAND...: tries until it succeeds. Nothing is wrong that is late: the limit is for
# what never comes, so that its test can say so before ctest ends it.
PATIENCE=150 # seconds
await() {
	local end=$((SECONDS + PATIENCE))
	while ! "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.05
	done
}

alive() { kill -0 "$1" 2>/dev/null && ! grep -qs '^State:.*[ZX]' "/proc/$1/status"; }
gone() { ! alive "$1"; }

# children PID [NAME]: its child processes, those called NAME alone.
children() {
	local status name ppid key value
	for status in /proc/[0-9]*/status; do
		name='' ppid=''
		while read -r key value; do
			case $key in
			Name:) name=$value ;;
			PPid:) ppid=$value && break ;;
			esac
		done 2>/dev/null <"$status"
		if [ "$ppid" = "$1" ] && { [ $# -lt 2 ] || [ "$name" = "${2:0:15}" ]; }; then
			status=${status%/status}
			echo "${status#/proc/}"
		fi
	done
}

remember_family() { mapfile -t family < <(children "$pid"); }

# started: the start-up lines name the address.
started() {
	gone "$pid" && return 0
	port=$(sed -n 's|^listening on .*127\.0\.0\.1:\([0-9]\{1,5\}\).*|\1|p' "$log" | head -n 1)
	[ -n "$port" ] && bhctl status >/dev/null 2>&1
}

# shellcheck disable=SC2120 # most tests start the default
# start [ARGUMENTS OF bulkhead run]: starts a system and waits until it serves.
# A shell ignores SIGINT for what it runs in the background, and nohup SIGHUP; env undoes that.
start() {
	env --default-signal=INT,HUP "$BH_BIN/bulkhead" run --listen 127.0.0.1:0 \
		--admin "$BULKHEAD_ADMIN" "$@" >"$log" 2>&1 </dev/null &
	pid=$!
	await started || fail "it does not come up"
	alive "$pid" || fail "it ended at once"
	url=http://127.0.0.1:$port
	remember_family
}

# ended: waits for the system's end; its exit code is in $code.
ended() {
	await gone "$pid" || fail "it does not end"
	wait "$pid"
	code=$?
}

stop() {
	remember_family
	kill -TERM "$pid"
	ended
	[ "$code" = 0 ] || fail "SIGTERM: exit code $code, not 0"
	nothing_left
	pid=
}

nothing_left() {
	local p
	for p in "${family[@]}"; do
		await gone "$p" || fail "process $p outlived the system: $(tr '\0' ' ' <"/proc/$p/cmdline")"
	done
	[ ! -e "$dir/admin.sock" ] || fail "the admin socket is still there"
}

cleanup() {
	local p
	trap - EXIT
	exec 2>/dev/null # what the shell says of those it killed
	if [ -n "$pid" ] && alive "$pid"; then
		remember_family
		kill -TERM "$pid" 2>/dev/null
		if ! PATIENCE=8 await gone "$pid"; then
			kill -KILL "$pid" 2>/dev/null
			sleep 0.2
		fi
		for p in "${family[@]}"; do
			alive "$p" && kill -KILL "$p" 2>/dev/null
		done
	fi
	for p in $(jobs -p); do
		kill -KILL "$p" 2>/dev/null
	done
	[ -n "${BH_KEEP:-}" ] || rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# one_service CLIENT WORKERS [LINE OF THE SERVICE]...: a configuration for that client.
one_service() {
	printf 'services:\n  - name: %s\n    module: %s.so\n    workers: %s\n    listen: ["127.0.0.1:0"]\n' \
		"$1" "$BH_CLIENTS/$1" "$2"
	[ $# = 2 ] || printf '    %s\n' "${@:3}"
}

# Tests of the Linux kernel's view are for machines that have it.
need_linux_view() {
	"$BH_BIN/bulkhead-traced" --probe >/dev/null || skip "$("$BH_BIN/bulkhead-traced" --probe)"
}
linux_view() {
	bhctl trace latency --total --json | jq -e "[.groups[] | $1 | select(.)] != []" >/dev/null
}
# linux_sees TIME: until it has been seen, as .off_cpu.slept
linux_sees() { await linux_view "$1" || fail "the Linux kernel's view is not there"; }

bhctl() { "$BH_BIN/bhctl" "$@"; }

# status FILTER: what jq makes of `bhctl status --json`.
status() { bhctl status --json | jq -r "$1"; }

worker_pids() { status '.services[0].workers[].pid | select(. > 0)'; }

workers_up() {
	[ "$(status '[.services[0].workers[] | select(.state == "up")] | length' 2>/dev/null)" = "$1" ]
}

# under_way MS: a request that takes so long is under way: its answer goes to $dir/slow,
# its client is $slow. On a busy machine it may be over before it is seen, and is asked again.
under_way() {
	local before
	before=$(status '.services[0].tasks.live')
	ask_slowly() {
		curl -s -m 120 "$url/sleep?ms=$1" >"$dir/slow" &
		slow=$!
	}
	is_seen() {
		[ "$(status '.services[0].tasks.live')" -ge $((before + 2)) ] && return
		gone "$slow" && ask_slowly "$1"
		return 1
	}
	ask_slowly "$1"
	await is_seen "$1" || fail "the request has not begun: $(status '.services[0].tasks')"
}

hello() { [ "$(curl -s -m 60 "$url/hello")" = "Hello from Bulkhead" ]; }
