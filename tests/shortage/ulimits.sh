#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The caller's limits (ulimit): a soft one is raised as far as the hard one allows, and a
# service gets the caller's back; a hard one that is too low is said at once, in one line.
. "$(dirname "$0")/../e2e/lib.sh"
need curl prlimit setpriv

# service [KEYS]: the configuration.
service() {
	printf 'trace: false\nservices:\n  - {name: http, workers: 2, listen: ["127.0.0.1:0"]%s}\n' \
		"${1:+, $1}" >"$dir/app.yaml"
}

# serves PREFIX...: started with it, the system runs, answers, and outlives a crash.
serves() {
	"$@" "$BH_BIN/bulkhead" run --admin "$BULKHEAD_ADMIN" "$dir/app.yaml" > >(cat >"$log") 2>>"$dir/err" &
	pid=$!
	await started || fail "$*: does not come up"
	alive "$pid" || fail "$*: it ended"
	url=http://127.0.0.1:$port
	hello || fail "$*: does not serve"
	curl -s -m 120 "$url/crash?how=segv" | grep -q SIGSEGV || fail "$*: a crash is not told"
	await workers_up 2 && hello || fail "$*: the worker is not replaced"
	note "$*: serves"
}

# refuses PATTERN PREFIX...: the system ends with 111 and one line, by a pipe, since files
# may be limited.
refuses() {
	local pattern=$1 text code
	shift
	text=$(timeout 200 "$@" "$BH_BIN/bulkhead" run --admin "$BULKHEAD_ADMIN" "$dir/app.yaml" 2>&1)
	code=$?
	[ "$code" = 111 ] || fail "$*: exit code $code, not 111: $text"
	[ "$(wc -l <<<"$text")" = 1 ] || fail "$*: $(wc -l <<<"$text") lines: $text"
	grep -Eq "$pattern" <<<"$text" || fail "$*: $text"
	note "$*: $text"
}

# kib LIMIT: how many it says that it needs.
kib() {
	prlimit "$1" "$BH_BIN/bulkhead" run --admin "$BULKHEAD_ADMIN" "$dir/app.yaml" 2>&1 |
		sed -n 's/^.* \([0-9]*\) KiB.*, but.*/\1/p'
}

# soft NAME: a worker's limit, by its name in /proc.
soft() { sed -n "s/^$1 *\([^ ]*\).*/\1/p" "/proc/$(worker_pids | head -n 1)/limits"; }
user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
[ "$(id -u)" = 0 ] || user=()
[ ${#user[@]} = 0 ] || chmod 777 "$dir"

note "the size of a file"
service 'limits: {io: 64, memory: 16M, tasks: 64}'
for n in 0 1 100000; do refuses 'service http: .*ulimit -f' prlimit --fsize=$n; done
serves prlimit --fsize=100000:unlimited
[ "$(soft "Max file size")" = 100000 ] || fail "a worker has not its caller's limit: $(soft "Max file size")"
stop
serves prlimit --fsize=0:unlimited
stop
serves prlimit --fsize=$(($(kib --fsize=1) * 1024))
stop

note "files that may not grow: the log of the kernel, the output of a service"
size=$(kib --fsize=1)
truncate -s $((size * 1024)) "$dir/err"
serves prlimit --fsize=$((size * 1024))
[ "$(status .kernel.restarts)" = 0 ] || fail "the log took the kernel along"
stop
rm "$dir/err"
printf 'trace: false\nservices:\n  - {name: shell, module: %s, workers: 1, options: {stay: x, init: "%200s"}}\n' \
	"$BH_CLIENTS/shell.so" x >"$dir/app.yaml"
prlimit --fsize=100:unlimited "$BH_BIN/bulkhead" run --admin "$BULKHEAD_ADMIN" "$dir/app.yaml" >"$log" 2>&1 &
pid=$!
await workers_up 1 || fail "a line beyond the limit ends a service: $(bhctl status)"
stop
service 'limits: {io: 64, memory: 16M, tasks: 64}'

note "addresses"
refuses 'memory takes .*ulimit -v' prlimit --as=100000000
serves prlimit --as=100000000:unlimited
[ "$(soft "Max address space")" != unlimited ] || fail "a worker has lost its caller's limit"
stop
size=$(kib --as=100000000)
serves prlimit --as=$((size * 1024))
stop
refuses 'ulimit -v' prlimit --as=$((size * 1024 - 1024))

note "data"
service 'limits: {io: 64, memory: 16M}'
refuses 'timers need .*ulimit -d, LimitDATA=. to [0-9]*, or lower limits.tasks' prlimit --data=8000000
size=$(kib --data=8000000)
serves prlimit --data=$((size * 1024))
stop
refuses "ulimit -d, LimitDATA=. to $size," prlimit --data=$((size * 1024 - 1024))
service 'limits: {io: 64, memory: 16M, tasks: 64}'
refuses 'of data .*ulimit -d' prlimit --data=2000000
serves prlimit --data=2000000:unlimited
[ "$(soft "Max data size")" = 4194304 ] || fail "a worker may have $(soft "Max data size") bytes of data"
stop
serves prlimit --data=100000000:unlimited
[ "$(soft "Max data size")" = 100000000 ] || fail "a worker has lost its caller's limit of data"
stop

note "stacks"
for n in 32 64 128; do refuses 'of stack .*ulimit -s' prlimit --stack=$((n * 1024)); done
for n in $((256 * 1024)) $((64 * 1024)):unlimited unlimited; do
	serves prlimit --stack=$n
	bhctl audit >/dev/null || fail "--stack=$n: no audit"
	stop
done
service

note "open files"
for n in 20 64 128; do refuses 'open files here, and the system needs.*ulimit -n' prlimit --nofile=$n "${user[@]}"; done
serves prlimit --nofile=256 "${user[@]}"
stop
serves prlimit --nofile=20:400 "${user[@]}"
stop
service 'limits: {io: 64}'
serves prlimit --nofile=1024:2000 "${user[@]}"
[ "$(soft "Max open files")" = 1024 ] || fail "limits.io 64: a worker may open $(soft "Max open files") files"
stop
service 'limits: {io: 1200}'
serves prlimit --nofile=1024:2000 "${user[@]}"
[ "$(soft "Max open files")" = 1456 ] || fail "limits.io 1200: a worker may open $(soft "Max open files") files"
stop
refuses 'limits.io: 1200 sockets.*ulimit -n.* to 1456, or lower limits.io to 768' \
	prlimit --nofile=1024:1024 "${user[@]}"

# None of these is needed.
note "the others"
serves prlimit --memlock=0 --nice=0 --msgqueue=0 --sigpending=0 --core=0 --locks=0 --rtprio=0 "${user[@]}"
bhctl audit >/dev/null || fail "no audit"
stop

# A user of whom nothing else runs: what Linux counts are all processes of one.
if [ ${#user[@]} != 0 ]; then
	note "processes"
	user=(setpriv --reuid 47119 --regid 47119 --clear-groups)
	service 'limits: {io: 64}'
	refuses 'no kernel can be started, .*ulimit -u' "${user[@]}" prlimit --nproc=1
	refuses 'cannot start: .*ulimit -u' "${user[@]}" prlimit --nproc=2
	# Guardian, kernel, zygote, admind and two workers: there is none for a twin.
	serves "${user[@]}" prlimit --nproc=6
	grep -q 'cannot make a twin: .*ulimit -u' "$dir/err" || fail "the missing twin is not told: $(cat "$dir/err")"
	stop
fi
