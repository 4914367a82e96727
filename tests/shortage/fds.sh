#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# No descriptors left in a service's table: new connections wait, those there are go
# on, workers that crash are replaced all the same, and nobody turns in circles.
. "$(dirname "$0")/needy.sh"

ulimit -n 256 || skip "the limit of open files cannot be set"
needy
dial other
dial greedy
answers "$other" ping pong
answers "$greedy" fds 'fds * EMFILE'
! serves || fail "a new connection is served without a descriptor"
answers "$other" ping pong

note "nobody turns in circles"
before=$(polls)
for i in 1 2 3 4 5 6 7 8 9 10; do answers "$other" ping pong && sleep 0.1; done
polls=$(($(polls) - before))
# Trying again every 10 ms makes 100 of them; without a pause it would be some 100,000.
[ "$polls" -lt 5000 ] || fail "$polls polls in a second or so"
note "$polls polls"

note "workers and zygotes are replaced"
restarts() { status '[.services[0].workers[].restarts] | add'; }
old=$(restarts)
answers "$other" crash 'crash signal 11'
replaced() { [ "$(restarts)" -gt "$old" ] && workers_up 2; }
await replaced || fail "the worker is not replaced"
answers "$other" ping pong
both() { [ "$(children "$pid" bulkhead-host | wc -l)" = 2 ]; }
for i in 1 2; do
	await both || fail "no zygote and twin: $(children "$pid" bulkhead-host)"
	kill -KILL "$(status '.services[0].zygote.pid')"
	taken_over() { [ "$(status '.services[0].zygote.restarts')" = "$i" ]; }
	await taken_over || fail "the twin does not take over: $(status '.services[0].zygote')"
done
await both || fail "no twin of the last one: $(children "$pid" bulkhead-host)"
[ "$(status '.services[0].resets')" = 0 ] || fail "the service was reset"
answers "$other" ping pong

hang_up greedy
await serves || fail "new connections are not served again"
stop
