#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The static probes: that the programs have those that docs/observing.md lists, and
# that each is a nop of 5 bytes.
. "$(dirname "$0")/../lib.sh"
need readelf objdump
docs=$(dirname "$0")/../../../docs/observing.md

notes() { readelf -n "$BH_BIN/$1" | sed -n 's/^ *Provider: bulkhead$/p/p; s/^ *Name: //p; s/^ *Location: \(0x[0-9a-f]*\),.*/\1/p'; }
listed() { # PROGRAM: the probes of its rows
	awk -F'|' -v program="$1" '/^\| program \| probe/ {on = 1} !/^\|/ {on = 0}
		on && $2 ~ /bulkhead-/ {of = $2 ~ program} on && of && $3 ~ /`/ {gsub(/[ `]/, "", $3); print $3}' "$docs"
}
for program in bulkhead-host bulkhead-kernel; do
	notes "$program" | awk '$1 == "p" {getline name; getline at; print name, at}' >"$dir/$program"
	cut -d' ' -f1 "$dir/$program" | sort -u >"$dir/has"
	listed "$program" | sort -u >"$dir/lists"
	[ -s "$dir/lists" ] && diff "$dir/lists" "$dir/has" || fail "$program has other probes than the list"
	[ "$(uname -m)" = x86_64 ] || continue
	objdump -d --no-show-raw-insn "$BH_BIN/$program" >"$dir/code"
	while read -r name at; do
		printf '%x:\tnopl   0x0(%%rax,%%rax,1)\n' "$at" >"$dir/want"
		grep -qFf "$dir/want" "$dir/code" || fail "$program: $name at $at is not a nop of 5 bytes"
	done <"$dir/$program"
	note "$program: $(wc -l <"$dir/$program") places, $(wc -l <"$dir/has") probes"
done
