#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# audit.sh [ROUNDS]: a service violates its own arena, one invariant after the other
# and then all at once, and nothing crashes for it. The kernel notices, resets it
# and names the audit; its listener refuses nobody, and it serves again. The service
# beside it answers everything.
# shellcheck source=../e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
need curl jq
rounds=${1:-5}

cat >"$dir/audit.yaml" <<YAML
services:
  - name: http
    module: http.so
    workers: 1
    listen: ["127.0.0.1:0"]
  - name: planter
    module: $BH_CLIENTS/planter.so
    workers: 2
    listen: ["127.0.0.1:0"]
    limits: {tasks: 5000, io: 1000, memory: 16777216}
    crash: {intensity: 0}
    restart: {intensity: 0, backoff_min: 1ms, backoff_max: 10ms}
    options: {tasks: "5000", io: "1000", memory: "16777216"}
YAML
start "$dir/audit.yaml"
kernel=$(status .kernel.pid)
planter=$(status '.services[1].listen[0]')
resets() { status '.services[1].resets'; }
why() { status '.services[1].last_reset'; }
ask() { curl -s -m 120 "http://$planter/$1"; }
serves() { [ "$(ask hello)" = ok ]; }

# Every answer that is not right, of the neighbour, and every refusal, of the vandal.
(
	while :; do
		[ "$(curl -s -m 120 "$url/hello")" = "Hello from Bulkhead" ] || echo lost
		echo answered >>"$dir/answered"
		curl -s -m 1 -o /dev/null "http://$planter/hello"
		[ $? != 7 ] || echo refused
		sleep 0.02
	done >"$dir/wrong"
) &
watcher=$!

broken() { [ "$(resets)" -gt "$before" ]; }
for name in $(ask names); do
	before=$(resets)
	[ "$(ask "$name")" = ok ] || fail "$name: no answer"
	await broken || fail "$name: not noticed"
	[[ "$(why)" == "audit '$name' failed: "* ]] || fail "$name: reset, but $(why)"
	await serves || fail "$name: it does not serve again"
done
note "$(resets) audits: each noticed"
for ((i = 0; i < rounds; i++)); do
	before=$(resets)
	ask scribble >/dev/null
	await broken || fail "garbage: not noticed"
	note "garbage: $(why)"
	await serves || fail "it does not serve again"
done
kill "$watcher"
wait "$watcher" 2>/dev/null
[ ! -s "$dir/wrong" ] || fail "$(sort "$dir/wrong" | uniq -c)"
now=$(bhctl status --json) || fail "no status"
[ "$(jq .kernel.pid <<<"$now")" = "$kernel" ] || fail "the kernel died"
[ "$(jq '.services[0].resets' <<<"$now")" = 0 ] || fail "the neighbour was reset"
[ "$(jq '.services[0].workers[0].crashes' <<<"$now")" = 0 ] || fail "the neighbour lost a worker"
note "$(wc -l <"$dir/answered") requests answered by the neighbour"
grep -q 'runtime error\|AddressSanitizer' "$log" && fail "a sanitizer complains"
stop
