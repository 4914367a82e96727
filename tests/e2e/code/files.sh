#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Descriptors and record locks of a service whose processes share one table (files.c),
# and what `bhctl status` and the log say of them.
. "$(dirname "$0")/../lib.sh"
need jq
cat >"$dir/files.yaml" <<YAML
grace: 1s
trace: false
services:
  - name: files
    module: $BH_CLIENTS/files.so
    workers: 2
    listen: ["127.0.0.1:0"]
    blocking: {keep_alive: 20ms}
    crash: {intensity: 0}
    restart: {backoff_min: 1ms, backoff_max: 10ms}
    options: {file: "$dir/file", trylock: "$BH_CLIENTS/trylock"}
YAML
start "$dir/files.yaml"
await grep -q '^files: done' "$log" || fail "it does not come to its end"
grep '^files:' "$log"
! grep -q '^files: wrong' "$log" || fail "see above"
await grep -q 'task files.task tried to close descriptor' "$log" || fail "the log does not say who closed what"
d=$(status '.services[0].descriptors')
note "$d"
[ "$(jq .limit <<<"$d")" -gt 100 ] || fail "no limit"
[ "$(jq .closed <<<"$d")" -ge 90 ] || fail "what was closed for the dead is not counted"
[ "$(jq .refused <<<"$d")" -ge 3 ] || fail "what was refused is not counted"
bhctl status | grep -q 'descriptors' || fail "status does not show them: $(bhctl status)"
stop
