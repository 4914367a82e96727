#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What each new process of a service begins with: seeds of its own, and worker_init(),
# which may fail, crash or never return.
. "$(dirname "$0")/../lib.sh"
need curl jq

# config KEYS OPTIONS: the service beside the demo.
config() {
	cat >"$dir/inits.yaml" <<-YAML
		trace: false
		services:
		  - {name: http, workers: 1, listen: ['127.0.0.1:0']}
		  - {name: inits, module: '$BH_CLIENTS/inits.so', workers: 2, $1 options: {$2}}
	YAML
}

alone() { # alone OPTIONS: to its end; its exit code is in $code
	printf "trace: false\nservices: [{name: inits, module: '%s', workers: 2, options: {%s}}]\n" \
		"$BH_CLIENTS/inits.so" "$1" >"$dir/inits.yaml"
	timeout 200 "$BH_BIN/bulkhead" run --admin "$BULKHEAD_ADMIN" "$dir/inits.yaml" >"$log" 2>&1 </dev/null
	code=$?
}

differ() { [ "$(sed -n 's/^drew //p' "$log" | cut -d' ' -f"$1" | sort -u | wc -l)" = "$2" ]; }
of() { status ".services[] | select(.name == \"inits\") | $1"; }
up() { [ "$(of '[.workers[] | select(.state == "up")] | length')" = "$1" ]; }
says() { grep -qF -- "$1" "$log"; }

note "two workers, a job and a replacement draw different numbers, though init() seeded them"
alone "x: '1'"
[ "$code" = 0 ] || fail "exit code $code"
[ "$(grep -c '^drew ' "$log")" = 4 ] || fail "not everybody drew"
differ 2 4 || fail "rand() gives the same in two processes: $(grep '^drew ' "$log")"
differ 3 4 || fail "lrand48() gives the same in two processes: $(grep '^drew ' "$log")"
[ "$(grep -c '^drew .* 1$' "$log")" = 4 ] || fail "worker_init() did not run once in each: $(grep '^drew ' "$log")"

note "worker_init() has the last word about seeds"
alone "seed: '42'"
[ "$code" = 0 ] || fail "exit code $code"
[ "$(grep -c '^drew ' "$log")" = 4 ] || fail "not everybody drew"
differ 2 1 || fail "srand(42) in worker_init() was undone: $(grep '^drew ' "$log")"

note "it fails at the first start: the system ends, and says why"
alone "missing: '$dir/none'"
[ "$code" = 111 ] || fail "exit code $code, not 111"
says "service inits cannot start: worker_init() failed in worker" || fail "it does not say why"
says "-2 (No such file or directory)" || fail "it does not say the error"
: >"$dir/crash"
alone "crash: '$dir/crash'"
[ "$code" = 111 ] || fail "a crash: exit code $code, not 111"
says "died of SIGABRT in worker_init()" || fail "it does not say that it crashed"
rm "$dir/crash"

# begin OPTIONS: the service beside the demo, up.
begin() {
	config "restart: {backoff_max: 200ms}," "$1"
	"$BH_BIN/bulkhead" run "$dir/inits.yaml" --admin "$BULKHEAD_ADMIN" >"$log" 2>&1 </dev/null &
	pid=$!
	await started || fail "nothing of it comes up"
	url=http://127.0.0.1:$port
	await up 2 || fail "its workers are not up"
	remember_family
}

note "later, it costs that worker alone, which comes back when it can"
: >"$dir/there"
begin "stay: '1', missing: '$dir/there'"
rm "$dir/there"
kill -KILL "$(of '.workers[1].pid')"
repeated() { [ "$(grep -cF 'worker_init() failed in worker 1: -2 (No such file or directory)' "$log")" -ge 5 ]; }
await repeated || fail "the log does not say that it fails"
up 1 || fail "the other worker is not up"
hello || fail "the other service does not answer"
: >"$dir/there"
await up 2 || fail "it does not come back"
stop

note "one that never returns is ended, and tried again"
begin "stay: '1', hang: '$dir/hang'"
: >"$dir/hang"
kill -KILL "$(of '.workers[1].pid')"
await says "for its worker_init() has not returned: it is ended" || fail "nothing ends it"
hello || fail "the other service does not answer"
rm "$dir/hang"
await up 2 || fail "it does not come back"
stop
