#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Core dumps: the shared memory is in none, but for what the crashed task had of it; with
# `core: none` there are none, with `core: all` they have what is there, and no hole of it
# is filled to be written.
. "$(dirname "$0")/../lib.sh"
need jq

cd "$dir" || exit 1
ulimit -c $((1 << 20)) || skip "core dumps are forbidden here"
case $(cat /proc/sys/kernel/core_pattern) in
'|'* | */*) files= ;;
*) files=1 ;;
esac
[ "$files" ] || note "core dumps do not go to the working directory here: only what is mapped is looked at"

said() { grep -q "$1" "$log"; }
config() { # LINES OF THE SERVICE
	cat >"$dir/core.yaml" <<YAML
grace: 1s
services:
  - name: http
    module: http.so
    workers: 1
    listen: ["127.0.0.1:0"]
  - name: core
    module: $BH_CLIENTS/core.so
    workers: 2
$1
YAML
	rm -f "$dir"/core "$dir"/core.[0-9]*
	start "$dir/core.yaml"
	await said '^core: joined' || fail "the crash is not joined"
}

# mapped PID: whether a part of a shared memory would be in that process's core dump.
mapped() {
	awk '/^[0-9a-f]+-[0-9a-f]+ / { arena = /bulkhead-arena/ }
		/^VmFlags:/ && arena && !/ dd( |$)/ { found = 1 }
		END { exit !found }' "/proc/$1/smaps"
}

maps_or_ends() { grep -qs bulkhead-arena "/proc/$1/maps" || gone "$1"; }
left_out() {
	local p n=0
	for p in $(children "$pid" bulkhead-traced); do # it comes when the others serve
		await maps_or_ends "$p"
	done
	for p in "$pid" "${family[@]}"; do
		grep -q bulkhead-arena "/proc/$p/maps" 2>/dev/null || continue
		n=$((n + 1))
		! mapped "$p" || fail "the core dump of $(cat "/proc/$p/comm") would have the shared memory"
	done
	[ "$n" -ge 6 ] || fail "only $n processes have a shared memory"
}

held() { # MiB of the shared memory of the second service
	echo $(($(stat -Lc %b "/proc/$(status '.services[1].workers[0].pid')/fd/5") / 2048))
}

cores() { ls "$dir"/core "$dir"/core.[0-9]* 2>/dev/null; }
has() { # TEXT
	local f
	for f in $(cores); do grep -qa "$1" "$f" && return; done
	return 1
}

for how in crash fork job; do
	note "$how: the core has what is the task's"
	config "    options: {how: $how}"
	remember_family
	left_out
	if [ "$files" ]; then
		await has MINE-IN-A-BLOCK || fail "the core of the $how has not the task's block"
		[ "$how" = job ] || has MINE-ON-THE-STACK || fail "the core of the $how has not the task's stack"
		! has SECRET-OF-ANOTHER || fail "the core of the $how has the memory of other tasks"
		size=$(stat -c %s "$(cores | head -n 1)")
		[ "$size" -lt $((64 << 20)) ] || fail "the core of the $how has $size bytes"
	fi
	[ "$(held)" -lt 64 ] || fail "$(held) MiB of shared memory are held after a core dump"
	stop
done

note "core: all"
config '    core: all'
if [ "$files" ]; then
	await has SECRET-OF-ANOTHER || fail "the core has not the shared memory"
	has MINE-IN-A-BLOCK || fail "the core has not the task's block"
fi
[ "$(held)" -lt 64 ] || fail "$(held) MiB of shared memory are held after a core dump"
stop

note "core: none"
config '    core: none'
for p in $(status '.services[1].workers[].pid'); do
	[ "$(awk '/^Max core/ { print $5 }' "/proc/$p/limits")" -le 1 ] || fail "worker $p may dump core"
done
[ -z "$(cores)" ] || fail "there is a core: $(cores)"
stop
