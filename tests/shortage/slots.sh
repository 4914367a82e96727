#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Task slots, I/O slots and memory blocks used up: who asks for one more is told so,
# what runs goes on, and all is there again when it was given back.
. "$(dirname "$0")/needy.sh"

needy 'limits: {tasks: 64, io: 64, memory: 16M}'
dial other
answers "$other" ping pong
base=$(status '.services[0].tasks.live')
back() { [ "$(status '.services[0].tasks.live')" -le "$base" ]; }

for what in "spawn *table is full*" "listen *table is full*" "alloc *"; do
	word=${what%% *}
	note "all of what $word takes"
	dial greedy
	answers "$greedy" "$word" "$word ${what#* }"
	[ "$word" = alloc ] || ! serves || fail "$word: a new connection is served all the same"
	answers "$other" ping pong
	answers "$greedy" ping pong
	hang_up greedy
	await back || fail "$word: tasks are left: $(status '.services[0].tasks')"
	await serves || fail "$word: new connections are not served again"
done
dial greedy
first=$(ask "$greedy" alloc)
hang_up greedy
await back
dial greedy
second=$(ask "$greedy" alloc)
[ "$first" = "$second" ] || fail "memory is lost: $first, then $second"
hang_up greedy
[ "$(crashes)" = 0 ] || fail "something crashed"
bhctl audit >/dev/null || fail "the audit finds: $(bhctl audit)"
stop
