#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A full disk: nobody minds that the log cannot be written; a run directory that cannot
# be made is told in one sentence.
. "$(dirname "$0")/needy.sh"

[ -c /dev/full ] || skip "there is no /dev/full"
note "the log is on a full disk"
needy
stop
"$BH_BIN/bulkhead" run "$dir/config.yaml" --admin "$BULKHEAD_ADMIN" >/dev/full 2>&1 </dev/null &
pid=$!
up() {
	port=$(status '.services[0].listen[0]' 2>/dev/null | sed 's/.*://')
	[ -n "$port" ] && [ "$port" != null ] && workers_up 2
}
await up || fail "it does not come up"
dial other
answers "$other" crash 'crash signal 11'
answers "$other" crash 'crash signal 11'
await workers_up 2 || fail "the workers are not replaced"
kernel=$(status .kernel.pid)
kill -KILL "$kernel"
another() { [ "$(status .kernel.pid)" != "$kernel" ]; }
await another || fail "the kernel is not replaced"
answers "$other" ping pong
hang_up other
stop

note "the run directory is on one"
mkdir "$dir/full"
mount -t tmpfs -o nr_inodes=1,mode=700 none "$dir/full" 2>/dev/null || skip "no file system can be mounted here: the rest"
trap 'umount "$dir/full"; leave' EXIT
timeout 200 "$BH_BIN/bulkhead" run "$dir/config.yaml" --admin "ipc://$dir/full/admin.sock" >"$dir/said" 2>&1
code=$?
note "$(cat "$dir/said")"
[ "$code" = 111 ] || fail "exit code $code, not 111: $(cat "$dir/said")"
grep -q "$dir/full/admin.sock.*No space left" "$dir/said" || fail "does not say what is full: $(cat "$dir/said")"
