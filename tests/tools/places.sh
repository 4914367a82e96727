#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The machines that people have: a service manager's directory, root without its powers, a
# read-only /run, a /tmp of one's own, a small /dev/shm, a CPU quota.
. "$(dirname "$0")/../e2e/lib.sh"
need curl
unset BULKHEAD_ADMIN

running() { grep -q ': running' "$dir/started"; }

# serves COMMAND...: a system started by it, with what follows, runs, answers, and ends in
# order. Its start-up lines stay in $dir/started.
serves() {
	local at
	"$@" >"$dir/started" 2>"$log" &
	pid=$!
	await running || fail "$*: does not start: $(cat "$dir/started")"
	at=$(sed -n 's/^listening on \([^ ]*\).*/\1/p' "$dir/started")
	[ "$(curl -s -m 120 "http://$at/hello")" = "Hello from Bulkhead" ] || fail "$*: does not serve"
	"${inside[@]}" "$BH_BIN/bhctl" status >/dev/null || fail "$*: bhctl does not find it"
	kill -TERM "$pid"
	wait "$pid" || fail "$*: exit code $?"
	pid=
}
inside=()

note "a service manager's directory, open to readers"
mkdir -m 755 "$dir/runtime"
export RUNTIME_DIRECTORY=$dir/runtime
serves "$BH_BIN/bulkhead" run --listen 127.0.0.1:0
grep -qxF "admin endpoint ipc://$dir/runtime/admin.sock" "$dir/started" || fail "$(cat "$dir/started")"
[ "$(stat -c '%a %u' "$dir/runtime")" = "755 $(id -u)" ] || fail "the directory was changed: $(stat "$dir/runtime")"

if [ "$(id -u)" = 0 ] && unshare -Ur true 2>/dev/null; then
	note "root of a user namespace, and root without capabilities"
	inside=(true)
	serves unshare -Ur "$BH_BIN/bulkhead" run --listen 127.0.0.1:0 --admin "ipc://$dir/ns/admin.sock"
	for drop in -chown,-setuid,-setgid -setgid -all; do
		serves setpriv --inh-caps=-all --bounding-set=$drop "$BH_BIN/bulkhead" run \
			--listen 127.0.0.1:0 --admin "ipc://$dir/caps/admin.sock"
	done
	inside=()
fi

if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	# apart SHELL-TEXT: serves in a mount namespace that this text has prepared; bhctl asks from
	# there.
	there() { nsenter -t "$pid" -m -- "$@"; }
	apart() {
		inside=(there)
		serves unshare -m --propagation private bash -c "$1 && exec \"\$@\"" bash "$BH_BIN/bulkhead" run --listen 127.0.0.1:0
		inside=()
	}
	unset RUNTIME_DIRECTORY
	note "/run that cannot be written to, and a /tmp of its own"
	apart 'mount -t tmpfs -o ro none /run'
	grep -qxF "admin endpoint ipc:///tmp/bulkhead-0/admin.sock" "$dir/started" || fail "$(cat "$dir/started")"
	case $BH_BIN/ in
	/tmp/*) note "not tried with another /tmp: the programs lie in this one" ;;
	*)
		apart 'mount -t tmpfs -o ro none /run && mount -t tmpfs none /tmp'
		note "neither /run nor /tmp"
		nowhere=$(unshare -m --propagation private bash -c 'mount -t tmpfs -o ro none /run && mount -t tmpfs -o ro none /tmp &&
			exec "$@"' bash "$BH_BIN/bulkhead" run --listen 127.0.0.1:0 2>&1)
		code=$?
		[ $code = 111 ] || fail "exit code $code: $nowhere"
		[[ $nowhere == *'no directory for the admin endpoint: /run/bulkhead: Read-only'*'--admin'* ]] || fail "$nowhere"
		;;
	esac
	note "a /dev/shm of one page, and one that is read-only"
	apart 'mount -t tmpfs -o size=4k none /dev/shm'
	apart 'mount -t tmpfs -o ro none /dev/shm'
	export RUNTIME_DIRECTORY=$dir/runtime
fi

cgroup=/sys/fs/cgroup/bh-places-$$
if [ -w /sys/fs/cgroup/cpu/cpu.cfs_period_us ]; then
	cgroup=/sys/fs/cgroup/cpu/bh-places-$$
	mkdir $cgroup && echo 50000 >$cgroup/cpu.cfs_quota_us
elif grep -qsw cpu /sys/fs/cgroup/cgroup.subtree_control && mkdir $cgroup 2>/dev/null; then
	echo "50000 100000" >$cgroup/cpu.max
fi
if [ -d $cgroup ]; then
	note "half a CPU is one worker"
	printf 'services:\n  - name: http\n' >"$dir/app.yaml"
	# shellcheck disable=SC2016 # expanded there
	bash -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' $cgroup "$BH_BIN/bulkhead" check "$dir/app.yaml" >"$dir/out" ||
		fail "$(cat "$dir/out")"
	grep -q '^http: 1 worker,' "$dir/out" || fail "$(cat "$dir/out")"
	rmdir $cgroup
fi

# both ADDRESS...: a system that listens there is reached by either family.
both() {
	printf 'services:\n  - name: http\n    listen: [%s]\n' "$1" >"$dir/app.yaml"
	"$BH_BIN/bulkhead" run --admin "ipc://$dir/both/admin.sock" "$dir/app.yaml" >"$dir/started" 2>"$log" &
	pid=$!
	await running || fail "$1: does not start: $(cat "$dir/started" "$log")"
	for at in "127.0.0.1:$port" "[::1]:$port"; do
		# Connected is enough: which of several sockets a service accepts from is its own choice.
		curl -s -m 2 -o /dev/null "http://$at/hello"
		[ $? != 7 ] || fail "$1: nobody listens at $at"
	done
	kill -TERM "$pid"
	wait "$pid" || fail "$1: exit code $?"
	pid=
}
if grep -qs . /proc/net/if_inet6; then
	note "both families on one port"
	free_port() {
		"$BH_BIN/bulkhead" run --listen 127.0.0.1:0 --admin "ipc://$dir/free/admin.sock" >"$dir/started" 2>"$log" &
		pid=$!
		await running || fail "does not start: $(cat "$dir/started")"
		port=$(sed -n 's/^listening on .*:\([0-9]*\) .*/\1/p' "$dir/started")
		kill -TERM "$pid"
		wait "$pid"
		pid=
	}
	free_port
	both "'0.0.0.0:$port', '[::]:$port'"
	both "'[::]:$port', '0.0.0.0:$port'"
	both "'[::]:$port', '127.0.0.1:$port'"
	both "'localhost:$port'"
	both "':$port'"
fi
