#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A flood of crashes: tasks that have children which do nothing but crash, quarantine off.
# Everybody is told of each crash, and in the end all workers are there.
. "$(dirname "$0")/../lib.sh"
need jq

cat >"$dir/flood.yaml" <<YAML
trace: false
services:
  - name: flood
    module: $BH_CLIENTS/flood.so
    workers: 2
    listen: ["127.0.0.1:0"]
    crash: {intensity: 0}
    options: {seconds: "4"}
YAML
start "$dir/flood.yaml"
told() { grep -q '^told of\|^parent' "$log"; }
await told || fail "the flood does not end: $(bhctl audit; bhctl status)"
told=$(sed -n 's/^told of \([0-9]*\) crashes$/\1/p' "$log")
[ -n "$told" ] || fail "somebody was not told"
note "$told crashes, and everybody was told"

await workers_up 2 || fail "not all workers are up: $(bhctl status)"
for p in $(worker_pids); do
	alive "$p" || fail "the board says that a worker is process $p, which is dead"
done
[ "$(worker_pids | wc -l)" = 2 ] || fail "workers without a process: $(bhctl status)"
counts=$(status '.services[0] | "\(.tasks.crashed) \([.workers[].crashes] | add) \(.zygote.restarts) \(.resets)"')
[ "$counts" = "$told $told 0 0" ] || fail "told of $told; tasks, workers, zygotes, resets: $counts"
bhctl audit >/dev/null || fail "the audit: $(bhctl audit)"
grep 'has not answered\|has not come up\|audit .* failed' "$log" && fail "somebody was waited for in vain"
stop
