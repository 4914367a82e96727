#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The wall clock jumps by four years with every look at it, for every process of the
# system: nothing but stamps changes. (A preloaded clock, for the machine's is others',
# too.)
. "$(dirname "$0")/../e2e/lib.sh"
need curl jq
[ "$BH_SLOW" = 1 ] || skip "sanitizers want to be loaded first"

LD_PRELOAD=$BH_CLIENTS/clockjump.so env --default-signal=INT "$BH_BIN/bulkhead" run \
	--listen 127.0.0.1:0 --admin "$BULKHEAD_ADMIN" >"$log" 2>&1 </dev/null &
pid=$!
await started || fail "it does not come up"
alive "$pid" || fail "it ended at once"
url=http://127.0.0.1:$port
for ms in 50 100 200 300; do
	curl -s -m 120 "$url/sleep?ms=$ms" >"$dir/slept.$ms" &
	slow[ms]=$!
done
for i in 1 2 3; do
	[ "$(curl -s -m 120 -o /dev/null -w '%{http_code}' "$url/crash?how=segv")" = 500 ] || fail "crash $i"
done
for ms in 50 100 200 300; do
	wait "${slow[ms]}" || fail "a sleep of $ms ms was not answered"
	grep -q '^slept' "$dir/slept.$ms" || fail "a sleep of $ms ms: $(cat "$dir/slept.$ms")"
done
all() { workers_up "$(status '.services[0].workers | length')"; }
await all || fail "workers are missing: $(status '.services[0].workers')"
kernel=$(status .kernel.pid)
kill -KILL "$kernel"
another() { [ "$(status .kernel.pid)" != "$kernel" ] && hello; }
await another || fail "the kernel is not replaced"
[ "$(status .kernel.restarts)" = 1 ] || fail "the kernel died $(status .kernel.restarts) times"
[ "$(status '.services[0].resets')" = 0 ] || fail "the service was reset"
stop
# It did jump: the stamps of the log tell.
[ "$(sed -n 's/^\([0-9]\{4\}\)-.*bulkhead: .*/\1/p' "$log" | sort -u | wc -l)" -gt 1 ] ||
	fail "the clock has not jumped: $(cat "$log")"
