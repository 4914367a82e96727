#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# No more processes allowed: what crashes is not replaced for a while, and the log says
# why; the rest goes on, also when the kernel dies; then all come back.
. "$(dirname "$0")/needy.sh"

needy
cgroup pids
dial other
answers "$other" ping pong
# Its answer comes from the other worker, if it was this connection's that died.
limit pids.max pids.max 1
answers "$other" crash 'crash signal 11'
told() { grep -q "cannot make worker.*pids limit" "$log"; }
await told || fail "the log does not say why there is no worker"
answers "$other" ping pong
await serves || fail "new connections are not served by who is left"

note "the kernel dies, and there is no room for another one"
kernel=$(status .kernel.pid)
kill -KILL "$kernel"
no_kernel() { grep -q "no kernel can be started.*pids limit" "$log"; }
await no_kernel || fail "the guardian does not say so"
alive "$pid" || fail "the guardian gave up"
limit pids.max pids.max 1000
another() { workers_up 2 && [ "$(status .kernel.pid)" != "$kernel" ]; }
await another || fail "not everybody is back: $(status '.services[0].workers')"
answers "$other" ping pong
await serves || fail "new connections are not served"

note "the service is to start anew, and there is no room for its zygote"
zygotes() { children "$pid" bulkhead-host; }
both() { [ "$(zygotes | wc -l)" = 2 ]; }
await both || fail "no twin"
mapfile -t victims < <(zygotes)
kernel=$(status .kernel.pid)
kill -STOP "$kernel"
limit pids.max pids.max 1
kill -KILL "${victims[@]}"
kill -CONT "$kernel"
said() { grep -q "service needy cannot start again.*pids limit" "$log"; }
await said || fail "the log does not say why the service does not come back"
alive "$pid" || fail "the system gave up: $(tail -n 3 "$log")"
limit pids.max pids.max 1000
await serves || fail "the service is not back: $(status '.services[0]')"
stop
