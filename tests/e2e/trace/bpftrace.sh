#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Each bpftrace line of docs/observing.md, run against a service that does all of it.
. "$(dirname "$0")/../lib.sh"
need bpftrace jq
[ "$(id -u)" = 0 ] || skip "bpftrace needs root"
bpftrace -e "usdt:$BH_BIN/bulkhead-host:bulkhead:park { exit(); } interval:ms:1 { exit(); }" >"$dir/out" 2>&1 ||
	skip "bpftrace cannot attach a probe here: $(tail -n 1 "$dir/out")"

{ echo "trace: false"; one_service chain 2 'crash: {intensity: 255, period: 1s}'; } >"$dir/chain.yaml"
start "$dir/chain.yaml"
n=0
while read -r line; do
	n=$((n + 1))
	BIN=$BH_BIN timeout 200 bash -c "${line//interval:s:5/interval:s:2}" >"$dir/out" 2>&1 ||
		fail "$line: $(cat "$dir/out")"
	grep -Eq '^@[a-z_]+.*:' "$dir/out" || fail "$line: it says nothing: $(cat "$dir/out")"
	note "$(grep -Em1 '^@' "$dir/out") ${line:0:90}..."
done < <(grep '^bpftrace ' "$(dirname "$0")/../../../docs/observing.md")
[ "$n" -ge 5 ] || fail "where are the lines?"
stop
