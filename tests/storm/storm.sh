#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# storm [--minutes N] [--kill worker,zygote,kernel,admind] [--rate R] [--crashes C]
#       [--seed S] [--keep]
#
# A whole system under load, and R times a second (4) a SIGKILL to one of its
# processes, drawn by seed: a worker, all of a service's workers at once, a worker
# twice in a row, a zygote or its twin, the kernel, admind. Handlers also crash by
# themselves, C times a second (5). In the end the books are balanced:
#
# - Each request was answered once. Those that were not are excused one by one: a
#   500 by the crash record it names, which must tell of a SIGKILL that hit this
#   kind of handler, and no two name the same; a broken connection by a record of
#   a connection's own task (or the acceptor) hit by SIGKILL, one for each.
# - Tasks, sockets, memory blocks and descriptors are back at the base line, the
#   task counters add up, no service was reset, and the audit finds nothing.
#
# The seed is printed; with it the same kinds of process are killed in the same
# order after the same pauses. What they were doing then is up to the machine.
. "$(dirname "$0")/../e2e/lib.sh"
need curl jq

minutes=${BH_STORM_MINUTES:-1}
kinds=worker,zygote,kernel,admind
rate=4
crashes=5
seed=$((RANDOM << 15 | RANDOM))
usage() {
	echo "usage: storm [--minutes N] [--kill KINDS] [--rate R] [--crashes C] [--seed S] [--keep]" >&2
	exit 100
}
while [ $# -gt 0 ]; do
	case $1 in
	--keep) export BH_KEEP=1 && shift && continue ;;
	--minutes | --kill | --rate | --crashes | --seed) [ $# -ge 2 ] || usage ;;
	*) usage ;;
	esac
	case $1 in
	--minutes) minutes=$2 ;;
	--kill) kinds=$2 ;;
	--rate) rate=$2 ;;
	--crashes) crashes=$2 ;;
	--seed) seed=$2 ;;
	esac
	shift 2
done
seconds=$(awk -v m="$minutes" 'BEGIN { print int(m * 60) }')
pause_ms=$(awk -v r="$rate" 'BEGIN { print int(1000 / r) }')
{ [ "$seconds" -gt 0 ] && [ "$pause_ms" -gt 0 ] && [[ $seed =~ ^[0-9]+$ ]]; } || usage

# Workers are what carries the work: they are hit most.
lots=()
for kind in ${kinds//,/ }; do
	case $kind in
	worker) lots+=(worker worker worker worker both again) ;;
	zygote) lots+=(zygote twin) ;;
	kernel | admind) lots+=("$kind") ;;
	*) usage ;;
	esac
done
echo "storm: seed $seed, $seconds s, $rate kills a second of $kinds"

cat >"$dir/storm.yaml" <<YAML
services:
  - name: http
    module: http.so
    workers: 2
    listen: ["127.0.0.1:0"]
    crash: {intensity: 0}
    restart: {backoff_min: 1ms, backoff_max: 20ms}
  - name: echo
    module: echo.so
    workers: 2
    listen: ["127.0.0.1:0"]
    crash: {intensity: 0}
    restart: {backoff_min: 1ms, backoff_max: 20ms}
YAML

# -- who is there ----------------------------------------------------------------------------

# look: fills kernel, admind, workers_http, workers_echo and zygotes_* with pids.
look() {
	local p name words all=()
	kernel='' admind=''
	workers_http=() workers_echo=() zygotes_http=() zygotes_echo=()
	read -r -a all 2>/dev/null <"/proc/$pid/task/$pid/children" || [ "${#all[@]}" -gt 0 ] || return 0
	for p in "${all[@]}"; do
		read -r name 2>/dev/null <"/proc/$p/comm" || continue
		case $name in
		bulkhead-kernel) kernel=$p ;;
		bulkhead-admind) admind=$p ;;
		bh:http:*) workers_http+=("$p") ;;
		bh:echo:*) workers_echo+=("$p") ;;
		bulkhead-host)
			mapfile -d '' -t words 2>/dev/null <"/proc/$p/cmdline"
			case ${words[*]} in
			*'--zygote http'*) zygotes_http+=("$p") ;;
			*'--zygote echo'*) zygotes_echo+=("$p") ;;
			esac
			;;
		esac
	done
}

# -- killing ---------------------------------------------------------------------------------

declare -A killed=([worker]=0 [zygote]=0 [kernel]=0 [admind]=0 [none]=0)
last_kernel=0
last_zygote=0
number=0

# hit KIND PID...: kills those, and says so.
hit() {
	local what=$1
	shift
	if [ $# -gt 0 ] && kill -KILL "$@" 2>/dev/null; then
		killed[$what]=$((killed[$what] + $#))
	else
		killed[none]=$((killed[none] + 1))
		what="no $what"
	fi
	echo "$number $(now_ms) $lot $service: $what $*" >>"$dir/kills"
}

# strike: draws three numbers, whatever it does with them, so that a seed's kills do
# not depend on what was there to be killed.
strike() {
	local -n workers=workers_$service zygotes=zygotes_$service
	local one=$1 now
	now=$(now_ms)
	case $lot in
	worker) hit worker ${workers[@]:+"${workers[one % ${#workers[@]}]}"} ;;
	both) hit worker "${workers[@]}" ;;
	again) # as soon as another one is there, if not the other slot's
		hit worker "${workers[@]:0:1}"
		look
		hit worker "${workers[@]:0:1}"
		;;
	zygote | twin) # the loss of both is a reset, and not what this is about
		if [ "${#zygotes[@]}" -lt 2 ] || [ $((now - last_zygote)) -lt 500 ]; then
			hit zygote
		else
			last_zygote=$now
			hit zygote "${zygotes[one % 2]}"
		fi
		;;
	kernel) # more than 20 in 10 s is where the guardian gives up
		if [ -z "$kernel" ] || [ $((now - last_kernel)) -lt 600 ]; then
			hit kernel
		else
			last_kernel=$now
			hit kernel "$kernel"
		fi
		;;
	admind) hit admind ${admind:+"$admind"} ;;
	esac
}

# -- books -----------------------------------------------------------------------------------

# record: keeps the crash records, of which the system holds only the newest. Without
# admind there are none for a moment.
record() { bhctl crashes --json -n 256 2>/dev/null | jq -c '.crashes[]' >>"$dir/records" 2>/dev/null; }

books() {
	status '.services[] | "\(.name): live \(.tasks.live) io \(.io.open) blocks \(.memory.blocks)"'
}
descriptors() {
	local p
	look
	for p in "$pid" "${workers_http[0]}" "${workers_echo[0]}"; do
		find "/proc/$p/fd" -mindepth 1 2>/dev/null | wc -l
	done | paste -sd ' '
}
# all_up: nobody is missing: 2 workers, zygote and twin for each service.
all_up() {
	look
	[ "${#zygotes_http[@]} ${#zygotes_echo[@]} ${#workers_http[@]} ${#workers_echo[@]}" = "2 2 2 2" ] &&
		[ -n "$kernel" ] && [ "$(status '[.services[].workers[] | select(.state == "up")] | length' 2>/dev/null)" = 4 ]
}
quiet() { [ "$(status '[.services[].tasks.live] | add' 2>/dev/null)" = 2 ]; }
balanced() { [ "$(books 2>/dev/null)" = "$base" ] && [ "$(descriptors)" = "$base_fds" ]; }
books_of() { jq -r "$1" "$dir/books"; }

# -- the storm -------------------------------------------------------------------------------

# The shell may outlive a failure by seconds; the seed must be with the message.
broken() {
	cp -r "$dir" "${BH_STORM_KEEP:-${TMPDIR:-/tmp}}/storm-$seed.$$" 2>/dev/null
	fail "$* (seed $seed; records and log: ${BH_STORM_KEEP:-${TMPDIR:-/tmp}}/storm-$seed.$$)"
}

start "$dir/storm.yaml"
echo_port=$(sed -n 's|^listening on 127\.0\.0\.1:\([0-9]*\) (service echo.*|\1|p' "$log")
"$BH_CLIENTS/load" -d 2 -k 20 -s "$seed" "$port" "$echo_port" >"$dir/warm" || fail "it does not stand the warm-up: $(cat "$dir/warm")"
within 10 all_up || fail "not all are back after the warm-up"
# Each first zygote's control socket keeps its number for good.
for zygote in $(status '.services[].zygote.pid'); do
	kill -KILL "$zygote"
	within 5 gone "$zygote" || fail "zygote $zygote does not die"
done
within 10 all_up || fail "not all are back after the loss of their zygotes"
within 10 quiet || fail "live tasks after the warm-up: $(books)"
base=$(books)
base_fds=$(descriptors)
note "base line: ${base//$'\n'/, }; descriptors $base_fds"

"$BH_CLIENTS/load" -d "$((seconds + 3600))" -k "$crashes" -s "$seed" "$port" "$echo_port" \
	>"$dir/load" 2>"$dir/complaints" &
load_pid=$!

# Pauses by a read that nothing answers: a process less for each.
mkfifo "$dir/never"
exec {never}<>"$dir/never"
RANDOM=$seed
begin=$(now_ms)
end=$((begin + seconds * 1000))
recorded=$begin
while [ "$(now_ms)" -lt "$end" ]; do
	number=$((number + 1))
	lot=${lots[RANDOM % ${#lots[@]}]}
	[ $((RANDOM % 3)) = 0 ] && service=echo || service=http
	one=$RANDOM
	ms=$((pause_ms / 2 + RANDOM % (pause_ms + 1)))
	look
	strike "$one"
	alive "$pid" || broken "the system ended in the storm"
	alive "$load_pid" || broken "the clients ended in the storm: $(cat "$dir/complaints")"
	if [ $(($(now_ms) - recorded)) -gt 4000 ]; then
		record && recorded=$(now_ms)
	fi
	printf -v pause '%d.%03d' $((ms / 1000)) $((ms % 1000))
	read -r -t "$pause" -u "$never" _
done
kill -TERM "$load_pid"
within 40 gone "$load_pid" || broken "the clients do not end"
wait "$load_pid"
load_code=$?
within 10 record || broken "admind does not answer"
tail -n 1 "$dir/load" >"$dir/books"

note "killed: ${killed[worker]} workers, ${killed[zygote]} zygotes, ${killed[kernel]} kernels, ${killed[admind]} admind; ${killed[none]} times nobody was there"
note "requests: $(books_of '[.echo, .hello, .sleep, .crash, .raw, .brief | .sent] | add'), of these $(books_of '[.echo, .hello, .sleep, .crash, .raw, .brief | .own] | add') whose own handler was killed, $(books_of '[.echo, .hello, .sleep, .crash, .raw, .brief | .reset] | add') whose connection's task was"
note "the latest timer: $(books_of .timer_late_ms) ms; the slowest answer of the others: $(books_of .slowest_ms) ms"
cat "$dir/complaints" >&2

[ "$load_code" = 0 ] || broken "requests were lost that no kill explains: $(cat "$dir/books")"
jq -s 'unique_by(.id)' "$dir/records" >"$dir/records.json"

# Each 500 names the record of a kill that hit a handler of this route.
while read -r what kind id task; do
	[ "$what" = own ] || continue
	[ "$task" = "http.${kind/brief/hello}" ] || broken "a request to $kind is told of a crash of $task ($id)"
	jq -e --argjson id "$id" --arg task "$task" '.[] | select(.id == $id and .signal == 9 and .task_name == $task)' \
		"$dir/records.json" >/dev/null || broken "no record tells of the kill $id of $task"
done <"$dir/load"

# hits NAME...: SIGKILLs that hit a task of these types. lost WHICH: broken connections.
hits() {
	local names
	names=$(printf '"%s",' "$@")
	jq "[.[] | select(.signal == 9) | select(.task_name as \$t | [${names%,}] | index(\$t))] | length" "$dir/records.json"
}
lost() { grep -Ec "^(reset|idle) ($1)\$" "$dir/load"; }
hits_http=$(hits http.connection http.main)
hits_raw=$(hits echo.connection echo.main)
[ "$(lost 'echo|hello|sleep|crash|brief')" -le "$hits_http" ] ||
	broken "$(lost 'echo|hello|sleep|crash|brief') connections of http broke, $hits_http tasks were hit"
[ "$(lost raw)" -le "$hits_raw" ] || broken "$(lost raw) connections of echo broke, $hits_raw tasks were hit"

within 15 all_up || broken "not all are back: zygotes ${zygotes_http[*]} / ${zygotes_echo[*]}, workers ${workers_http[*]} / ${workers_echo[*]}"
within 15 balanced || broken "base line: $base; descriptors $base_fds. After the storm: $(books); descriptors $(descriptors)"
[ "$(status '[.services[].resets] | add')" = 0 ] || broken "a service was reset: $(status '.services[].last_reset')"
[ "$(status '[.services[].tasks | .spawned - .completed - .crashed - .cancelled - .live] | join(" ")')" = "0 0" ] ||
	broken "the tasks do not add up: $(status '.services[].tasks')"
bhctl audit >"$dir/audit" || broken "the audit found: $(cat "$dir/audit")"
hello || broken "/hello does not answer after the storm"
restarts=$(status .kernel.restarts)
[ "$restarts" = "${killed[kernel]}" ] || broken "${killed[kernel]} kernels were killed, $restarts started"
note "kernel restarts $restarts, crash records $(jq length "$dir/records.json")"
stop
echo "storm: the books balance (seed $seed)"
