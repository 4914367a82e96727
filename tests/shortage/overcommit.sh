#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Strict overcommit (vm.overcommit_memory=2): a system starts, serves, outlives a crash, and
# its tasks fork, though an arena is larger than what the machine would back. The setting is
# the whole machine's: it is set for some seconds, and put back.
. "$(dirname "$0")/../e2e/lib.sh"
need curl

mode=/proc/sys/vm/overcommit_memory ratio=/proc/sys/vm/overcommit_ratio
was=$(cat $mode) was_ratio=$(cat $ratio)
{ [ -w $mode ] && [ -w $ratio ]; } || skip "vm.overcommit_memory may not be set here"
[ "$was" != 2 ] || skip "vm.overcommit_memory is 2 already: another's"

kib() { sed -n "s/^$1: *\([0-9]*\) kB/\1/p" /proc/meminfo; }
left() { echo $(($(kib CommitLimit) - $(kib Committed_AS))); }
put_back() {
	echo "$was" >$mode
	echo "$was_ratio" >$ratio
}

trap 'put_back; cleanup' EXIT
# The other programs of this machine are to notice nothing.
echo 95 >$ratio || skip "vm.overcommit_ratio may not be set here"
[ "$(left)" -gt $((2 << 20)) ] || skip "other programs have all memory: $(left) KiB are left"
echo 2 >$mode || skip "vm.overcommit_memory may not be set here"

note "serves, and outlives a crash"
start
hello || fail "it does not serve"
curl -s -m 120 "$url/crash?how=segv" | grep -q SIGSEGV || fail "a crash is not told"
await workers_up 2 && hello || fail "the worker is not replaced"
stop

note "forks"
cat >"$dir/c.yaml" <<YAML
admin: $BULKHEAD_ADMIN
trace: false
services:
  - name: processes
    module: $BH_CLIENTS/processes.so
    workers: 2
    crash: {intensity: 0}
    limits: {memory: $(($(left) / 1024 + 4096))M}
    options: {scenario: fork}
YAML
"$BH_BIN/bulkhead" run "$dir/c.yaml" >"$log" 2>&1 </dev/null &
pid=$!
ended
pid=
{ [ "$code" = 0 ] && grep -qx ok "$log"; } || fail "a task cannot fork: exit code $code"
