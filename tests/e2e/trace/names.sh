#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Tasks that nobody named are called as their functions, which are static: by the symbols of
# the module, and where it was stripped by the text of the call.
. "$(dirname "$0")/../lib.sh"
need jq strip

called() { sed -n "s/^$1: //p" "$log"; }
expect() { [ "$(called "$1")" = "$2" ] || fail "$kind, $1: the task is called '$(called "$1")', not $2"; }
crashed() { bhctl crashes | grep -qw "$1"; }

strip -o "$dir/stripped.so" "$BH_CLIENTS/names.so" || fail "the module cannot be stripped"
for kind in whole stripped; do
	cp "$BH_CLIENTS/names.so" "$dir/whole.so"
	cat >"$dir/names.yaml" <<YAML
trace: false
services:
  - name: names
    module: $dir/$kind.so
    workers: 2
    listen: ["127.0.0.1:0"]
    crash: {intensity: 0}
YAML
	start "$dir/names.yaml"
	await grep -q '^named' "$log" || fail "$kind: no end"
	expect spawn parse_head
	expect variable "$([ $kind = whole ] && echo send_body || echo chosen)"
	expect poll tick
	expect on keep_cache
	expect blocking read_disk
	expect scope fetch_part
	expect named a.name
	(exec 3<>"/dev/tcp/127.0.0.1/$port"; read -r -t 120 -u 3)
	await crashed greet ||
		fail "$kind: no crash of greet: $(bhctl crashes)"
	stop
	note "$kind: all are called as their functions"
done
