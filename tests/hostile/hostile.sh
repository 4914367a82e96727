#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# hostile.sh [SECONDS] [SEED]: a service writes garbage all over its arena; the
# kernel neither crashes, hangs nor is misled, and the service beside it notices
# nothing. What is left of the vandal's service soon does nothing any more: the audit
# finds that, and the service begins anew in a new arena.
# shellcheck source=../e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
need curl jq
seconds=${1:-8}
seed=${2:-$RANDOM}
note "seed $seed"

cat >"$dir/hostile.yaml" <<YAML
services:
  - name: http
    module: http.so
    workers: 1
    listen: ["127.0.0.1:0"]
  - name: hostile
    module: $BH_CLIENTS/hostile.so
    workers: 2
    limits: {tasks: 5000, io: 1000, memory: 16777216}
    crash: {intensity: 0}
    restart: {intensity: 0, backoff_min: 1ms, backoff_max: 20ms}
    options: {seed: "$seed", tasks: "5000", io: "1000", memory: "16777216"}
YAML
start "$dir/hostile.yaml"
kernel=$(status .kernel.pid)
end=$(($(now_ms) + seconds * 1000))
answered=0
while [ "$(now_ms)" -lt "$end" ]; do
	[ "$(curl -s -m 120 "$url/hello")" = "Hello from Bulkhead" ] || fail "the neighbour does not answer after $answered requests"
	answered=$((answered + 1))
done
now=$(bhctl status --json) || fail "no status"
[ "$(jq .kernel.pid <<<"$now")" = "$kernel" ] || fail "the kernel died"
[ "$(jq .kernel.restarts <<<"$now")" = 0 ] || fail "the kernel was restarted"
[ "$(jq '.services[0].workers[0].crashes' <<<"$now")" = 0 ] || fail "the neighbour lost a worker"
[ "$(jq '.services[0].resets' <<<"$now")" = 0 ] || fail "the neighbour was reset"
[ "$(jq '.services[1].resets' <<<"$now")" -gt 0 ] || fail "the vandal's service was never reset"
note "$answered requests answered; the vandal: $(jq -c '.services[1] | {resets, last_reset, restarts: ([.workers[].restarts] | add)}' <<<"$now")"
grep -q 'runtime error\|AddressSanitizer' "$log" && fail "a sanitizer complains"
stop
