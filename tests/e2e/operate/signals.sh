#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Signals that reach everybody at once, as from a service manager, a terminal or a script
# that ends with `kill 0`: they are one request to stop, or cost one service.
. "$(dirname "$0")/../lib.sh"
need curl jq


# finishes WHAT: the request under way is answered, and the exit code is 0.
finishes() {
	await gone "$pid" || fail "$1: it does not end"
	wait "$slow" || fail "$1: the request under way was cut off"
	grep -q '^slept' "$dir/slow" || fail "$1: the request under way got: $(cat "$dir/slow")"
	wait "$pid"
	code=$?
	[ "$code" = 0 ] || fail "$1: exit code $code"
	nothing_left
	pid=
}

request() {
	start --workers 2
	under_way 2000
	remember_family
}

for sig in TERM INT; do
	note "SIG$sig to every process of the system"
	request
	kill "-$sig" "$pid" "${family[@]}"
	finishes "SIG$sig to all"
done

note "SIGTERM to workers and zygotes alone: it is not theirs to carry out"
request
before=$(worker_pids)
mapfile -t members < <(worker_pids; status '.services[0].zygote.pid')
kill -TERM "${members[@]}"
wait "$slow" || fail "the request was cut off"
[ "$(worker_pids)" = "$before" ] || fail "workers were replaced: $(bhctl crashes)"
hello || fail "it does not serve any more"

note "SIGHUP: ignored, with a line"
kill -HUP "$pid" "${members[@]}"
told() { grep -q 'SIGHUP is ignored' "$log"; }
await told || fail "the log does not mention SIGHUP"
hello || fail "SIGHUP has ended it"
stop

note "kill 0 in what a task of another service runs"
cat >"$dir/two.yaml" <<YAML
services:
  - name: http
    module: http.so
    listen: ["127.0.0.1:0"]
  - name: shell
    module: $BH_CLIENTS/shell.so
    workers: 1
    options:
      stay: "1"
      sh: 'grep -E "^Sig(Ign|Blk)" /proc/self/status; (sleep 30 & kill \$!; wait \$!; echo child ended with \$?); touch $dir/ready; while [ -e $dir/ready ]; do sleep .1; done; kill 0'
YAML
env --default-signal "$BH_BIN/bulkhead" run --admin "$BULKHEAD_ADMIN" "$dir/two.yaml" \
	>"$log" 2>&1 </dev/null &
pid=$!
await started || fail "it does not come up"
url=http://127.0.0.1:$port
await test -e "$dir/ready" || fail "the script does not run"
under_way 2000
rm "$dir/ready"
wait "$slow" || fail "kill 0: another service's request was cut off"
grep -q '^slept' "$dir/slow" || fail "kill 0: another service's request got: $(cat "$dir/slow")"
grep -q 'shell: it failed' "$log" || fail "the script was not ended by its own kill 0"
hello || fail "kill 0: the system is gone"

note "what it runs has no signal of ours ignored or blocked, and can be ended"
# SIGHUP, SIGINT, SIGTERM
for what in SigIgn SigBlk; do
	mask=$(sed -n "s/^$what:[[:space:]]*//p" "$log")
	[ $((0x${mask:-ffff} & 0x4003)) = 0 ] || fail "$what is $mask"
done
grep -q 'child ended with 143' "$log" || fail "$(grep ended "$log")"
stop
