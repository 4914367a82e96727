#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# More and fewer workers while requests come: none fails, nobody crashes.
. "$(dirname "$0")/../lib.sh"
need curl jq

cat >"$dir/resize.yaml" <<'EOF'
services:
  - name: http
    listen: ["127.0.0.1:0"]
    workers: 1
    max_workers: 4
EOF
start "$dir/resize.yaml"
workers_up 1 || fail "it does not start with 1 worker"

load() {
	while [ ! -e "$dir/enough" ]; do
		if hello; then echo ok; else echo failed; fi
	done >>"$dir/load.$1"
}
load 1 &
load 2 &
loads=($!)

# slots N: as many workers are listed, and all of them are up.
slots() {
	[ "$(status '.services[0].workers | length')" = "$1" ] && workers_up "$1"
}

for n in 4 1 3 2 4 1; do
	bhctl workers --set "$n" >/dev/null || fail "--set $n is refused"
	await slots "$n" || fail "there are not $n workers: $(bhctl workers)"
	hello || fail "with $n workers it does not answer"
done

# The kernel's successor knows how many are wanted.
bhctl workers --set 3 >/dev/null
await slots 3 || fail "there are not 3 workers"
kernel=$(status .kernel.pid)
kill -KILL "$kernel"
restarted() { [ "$(status .kernel.restarts 2>/dev/null)" = 1 ]; }
await restarted || fail "the kernel is not back"
await slots 3 || fail "the kernel's successor forgot that there are 3 workers"
bhctl workers --set 2 >/dev/null
await slots 2 || fail "the kernel's successor does not let workers go"

touch "$dir/enough"
wait "${loads[@]}"
! grep -q failed "$dir"/load.* || fail "$(cat "$dir"/load.* | grep -c failed) requests failed"
[ "$(bhctl crashes --json | jq '[.crashes[] | select(.process == "worker")] | length')" = 0 ] ||
	fail "going was taken for a crash: $(bhctl crashes)"
bhctl audit >/dev/null || fail "audit: $(bhctl audit)"

bhctl workers --set 5 2>"$dir/said" && fail "5 of 4 workers are granted"
grep -q "1 to 4 workers, not 5" "$dir/said" || fail "refused with: $(cat "$dir/said")"
bhctl workers --set 2 --service nobody 2>/dev/null && fail "a service that is not there is resized"
stop
