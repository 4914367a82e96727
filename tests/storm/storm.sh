#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# storm [--minutes N] [--kill worker,blocking,zygote,kernel,admind]
#       [--do flood,signal,fork,lock] [--rate R] [--crashes C] [--seed S] [--keep]
#
# A whole system under load, and R times a second (4) a blow to it, drawn by seed. Most
# are a SIGKILL: to a worker, all of a service's workers at once, a worker twice in a row,
# a blocking process, a zygote or its twin, the kernel, admind. Others are a flood, in which
# handlers crash as fast as eight clients can make them for a second, and SIGTERM, SIGINT or
# SIGHUP to a whole process group of a service, or SIGHUP to the kernel.
# Handlers also crash by themselves, C times a second (5), and the tasks of a third service
# (chores.c) fork, execute programs, and increment a counter in a file under record locks.
# In the end the books are balanced:
#
# - Each request was answered once. Those that were not are excused one by one: a
#   500 by the crash record it names, which must tell of a SIGKILL that hit this
#   kind of handler, and no two name the same; a broken connection by a record of
#   a connection's own task (or the acceptor) hit by SIGKILL, one for each. A
#   record counts only if this storm killed its process, by the storm's own list.
# - Forked children saw what they were to see, and the codes of programs came back, but for
#   those whose group was signaled; each acknowledged increment is in the counter, and none
#   to a value that another one had; what is missing is excused by kills; the lock is free.
# - Tasks, sockets, memory blocks and descriptors are back at the base line, the
#   task counters add up, no signal ended anybody, no service was reset, and the audit finds nothing.
#
# Numbers may have fractions. The seed is printed; with it the same kinds of process
# are killed in the same order after the same pauses. What they were doing then is up
# to the machine. An hour leaves some ten megabytes behind while it runs, in $TMPDIR:
# let that be a place where nobody tidies up.
. "$(dirname "$0")/../e2e/lib.sh"
need curl jq

minutes=${BH_STORM_MINUTES:-1}
kinds=worker,blocking,zygote,kernel,admind
deeds=flood,signal,fork,lock
rate=4
crashes=5
seed=$((RANDOM << 15 | RANDOM))
usage() {
	echo "usage: storm [--minutes N] [--kill KINDS] [--do DEEDS] [--rate R] [--crashes C] [--seed S] [--keep]" >&2
	exit 100
}
while [ $# -gt 0 ]; do
	case $1 in
	--keep) export BH_KEEP=1 && shift && continue ;;
	--minutes | --kill | --do | --rate | --crashes | --seed) [ $# -ge 2 ] || usage ;;
	*) usage ;;
	esac
	case $1 in
	--minutes) minutes=$2 ;;
	--kill) kinds=$2 ;;
	--do) deeds=$2 ;;
	--rate) rate=$2 ;;
	--crashes) crashes=$2 ;;
	--seed) seed=$2 ;;
	esac
	shift 2
done
seconds=$(awk -v m="$minutes" 'BEGIN { print int(m * 60) }')
pause_ms=$(awk -v r="$rate" 'BEGIN { print int(1000 / r) }')
{ [ "$seconds" -gt 0 ] && [ "$pause_ms" -gt 0 ] && [[ $seed =~ ^[0-9]+$ ]]; } || usage

# What may be killed or done, and the lots each has in the drawing (strike). Workers are
# what carries the work: they are hit most. Forks and locks are always under way.
declare -A lots_of=(
	[worker]="worker worker worker worker both again"
	[blocking]="blocking blocking"
	[zygote]="zygote twin"
	[kernel]="kernel"
	[admind]="admind"
)
declare -A deeds_of=([flood]="flood" [signal]="signal signal" [fork]="" [lock]="")
lots=()
for kind in ${kinds//,/ }; do
	[ -n "${lots_of[$kind]:-}" ] || usage
	read -r -a more <<<"${lots_of[$kind]}"
	lots+=("${more[@]}")
done
for deed in ${deeds//,/ }; do
	[ -n "${deeds_of[$deed]+known}" ] || usage
	read -r -a more <<<"${deeds_of[$deed]}"
	lots+=("${more[@]}")
done
[ "${#lots[@]}" -gt 0 ] || usage
again="tests/storm/storm.sh --minutes $minutes --kill '$kinds' --do '$deeds' --rate $rate --crashes $crashes --seed $seed"
echo "storm: seed $seed, $seconds s, $rate blows a second: kill $kinds; do $deeds"

truncate -s $((448 + (1 << 24))) "$dir/chores.books" # struct books in chores.c
truncate -s 8 "$dir/counter"
: >"$dir/chores.told"

cat >"$dir/storm.yaml" <<YAML
services:
  - name: http
    module: http.so
    workers: 2
    listen: ["127.0.0.1:0"]
    blocking: {max: 6, keep_alive: 100ms}
    crash: {intensity: 0}
    restart: {backoff_min: 1ms, backoff_max: 20ms}
  - name: echo
    module: echo.so
    workers: 2
    listen: ["127.0.0.1:0"]
    crash: {intensity: 0}
    restart: {backoff_min: 1ms, backoff_max: 20ms}
  - name: chores
    module: $BH_CLIENTS/chores.so
    workers: 2
    blocking: {max: 4, keep_alive: 100ms}
    crash: {intensity: 0}
    restart: {backoff_min: 1ms, backoff_max: 20ms}
    options: {books: "$dir/chores.books", told: "$dir/chores.told", counter: "$dir/counter", go: "$dir/go", do: "$deeds"}
YAML

# -- a loop without processes of its own: under this load each takes a while -------------------

# clock: now, in ms.
clock() {
	now=${EPOCHREALTIME/[.,]/}
	now=$((now / 1000))
}
# runs PID
runs() {
	local stat
	read -r stat 2>/dev/null <"/proc/$1/stat" && [[ ${stat##*) } != [ZX]* ]]
}

# -- who is there ----------------------------------------------------------------------------

# look: fills kernel, admind, workers_*, zygotes_* and blocking_* with pids.
look() {
	local p name words all=()
	kernel='' admind=''
	# shellcheck disable=SC2034 # strike chooses by name
	workers_http=() workers_echo=() workers_chores=() blocking_http=() blocking_echo=() blocking_chores=()
	zygotes_http=() zygotes_echo=() zygotes_chores=()
	read -r -a all 2>/dev/null <"/proc/$pid/task/$pid/children" || [ "${#all[@]}" -gt 0 ] || return 0
	for p in "${all[@]}"; do
		read -r name 2>/dev/null <"/proc/$p/comm" || continue
		case $name in
		bulkhead-kernel) kernel=$p ;;
		bulkhead-admind) admind=$p ;;
		bh:http:b*) blocking_http+=("$p") ;;
		bh:chores:b*) blocking_chores+=("$p") ;;
		bh:http:*) workers_http+=("$p") ;;
		bh:chores:*) workers_chores+=("$p") ;; # or an orphan of one
		bh:echo:*) workers_echo+=("$p") ;;
		bulkhead-host)
			mapfile -d '' -t words 2>/dev/null <"/proc/$p/cmdline"
			case ${words[*]} in
			*'--zygote http'*) zygotes_http+=("$p") ;;
			*'--zygote echo'*) zygotes_echo+=("$p") ;;
			*'--zygote chores'*) zygotes_chores+=("$p") ;;
			esac
			;;
		esac
	done
}

# -- killing ---------------------------------------------------------------------------------

declare -A killed=([worker]=0 [blocking]=0 [zygote]=0 [kernel]=0 [admind]=0 [none]=0)
declare -A done_of=([flood]=0 [signal]=0 [hup]=0)
flood_until=0
last_kernel=0
last_zygote=0
number=0

# hit KIND PID...: kills those, and writes each down: number, time, lot, service, kind,
# pid. pid 0: there was nobody.
hit() {
	local what=$1 p n=0 now
	shift
	clock
	for p; do
		kill -KILL "$p" 2>/dev/null || continue
		n=$((n + 1))
		echo "$number $now $lot $service $what $p" >>"$dir/kills"
	done
	killed[$what]=$((killed[$what] + n))
	[ "$n" -gt 0 ] && return
	killed[none]=$((killed[none] + 1))
	echo "$number $now $lot $service $what 0" >>"$dir/kills"
}

# group_of PID: its process group; 0 if that is anybody's but a service's.
group_of() {
	local stat fields
	group=0
	read -r stat 2>/dev/null <"/proc/$1/stat" || return 0
	read -r -a fields <<<"${stat##*) }"
	case ${fields[2]} in
	0 | 1 | "$pid" | "$kernel" | "$own_group") ;;
	*) group=${fields[2]} ;;
	esac
}

# signal ONE: nobody may mind it.
signal() {
	local -n members=workers_$service
	local sigs=(TERM INT HUP) group
	if [ $(($1 % 4)) = 3 ]; then
		[ -n "$kernel" ] && kill -HUP "$kernel" 2>/dev/null && done_of[hup]=$((done_of[hup] + 1))
		return
	fi
	group_of "${members[$1 % 2]:-0}"
	[ "$group" != 0 ] && kill "-${sigs[$1 % 4]}" -- "-$group" 2>/dev/null &&
		done_of[signal]=$((done_of[signal] + 1)) &&
		echo "$number $now $lot $service ${sigs[$1 % 4]} -$group" >>"$dir/kills"
}

# strike: draws three numbers, whatever it does with them, so that a seed's kills do
# not depend on what was there to be killed.
strike() {
	local -n workers=workers_$service zygotes=zygotes_$service blocking=blocking_$service
	local one=$1 now
	clock
	case $lot in
	worker) hit worker ${workers[@]:+"${workers[one % ${#workers[@]}]}"} ;;
	blocking) hit blocking ${blocking[@]:+"${blocking[one % ${#blocking[@]}]}"} ;;
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
	signal) signal "$one" ;;
	flood)
		flood_until=$((now + 1000))
		done_of[flood]=$((done_of[flood] + 1))
		;;
	esac
}

# -- books -----------------------------------------------------------------------------------

# record: keeps what is needed of the new crash records, of which the system holds only
# the newest. Without admind there are none for a moment.
last_record=0
record() {
	bhctl crashes --json -n 256 2>/dev/null | jq -c --argjson last "$last_record" '.crashes[] | select(.id > $last) |
		{id, pid, signal, task_name, process, restart_us}' >"$dir/new" 2>/dev/null || return
	cat "$dir/new" >>"$dir/records"
	while read -r newest; do :; done <"$dir/new"
	[[ ${newest:-} != *'"id":'* ]] || { newest=${newest#*'"id":'} && last_record=${newest%%[,\}]*}; }
}

# rest MS: a pause, by a read that nothing answers: a process less for each. While there is
# a flood, it is one of more crashes, never of more than the system keeps records of.
rest() {
	local until ms now
	clock
	until=$((now + $1))
	while [ "$now" -lt "$flood_until" ] && [ "$now" -lt "$until" ]; do
		record && kill -USR1 "$load_pid"
		clock
		recorded=$now
	done
	ms=$((until - now))
	[ "$ms" -gt 0 ] || return 0
	printf -v pause '%d.%03d' $((ms / 1000)) $((ms % 1000))
	read -r -t "$pause" -u "$never" _
}

# trim: the system writes a line for each crash. The last megabyte or so is enough.
trim() {
	[ "$(stat -c %b "$log")" -gt 8192 ] || return 0
	tail -c 1M "$log" >"$log.before"
	: >"$log"
}

books() {
	status '.services[] | "\(.name): live \(.tasks.live) io \(.io.open) blocks \(.memory.blocks)"'
}
descriptors() {
	local p
	look
	for p in "$pid" "${workers_http[0]}" "${workers_echo[0]}" "${workers_chores[0]}"; do
		find "/proc/$p/fd" -mindepth 1 2>/dev/null | wc -l
	done | paste -sd ' '
}
# list_descriptors FILE
list_descriptors() {
	local p
	look
	for p in "$pid" "${workers_http[0]}" "${workers_echo[0]}" "${workers_chores[0]}"; do
		find "/proc/$p/fd" -mindepth 1 -printf '%h/%f %l\n' 2>/dev/null | sort -V
	done >"$1"
}
# all_up: nobody is missing: 2 workers, zygote and twin for each service.
all_up() {
	look
	[ "${#zygotes_http[@]} ${#zygotes_echo[@]} ${#zygotes_chores[@]}" = "2 2 2" ] &&
		[ "${#workers_http[@]} ${#workers_echo[@]} ${#workers_chores[@]}" = "2 2 2" ] &&
		[ -n "$kernel" ] && [ "$(status '[.services[].workers[] | select(.state == "up")] | length' 2>/dev/null)" = 6 ]
}
quiet() { [ "$(status '[.services[].tasks.live] | add' 2>/dev/null)" = 3 ]; }
# balanced: a kill between a call that opens and the note of whose it is leaves what was
# opened (ipc/protocol/files.h), of popen()'s pipe two. In http and echo nobody calls such.
excused_fds=0
balanced() {
	fds=$(descriptors)
	left=$((${fds##* } - ${base_fds##* }))
	[ "$(books 2>/dev/null)" = "$base" ] && [ "${fds% *}" = "${base_fds% *}" ] &&
		[ "$left" -ge 0 ] && [ "$left" -le "$excused_fds" ]
}
# chores_begin, chores_end: rounds of forks and locks are made, and are not.
chores_begin() { case $deeds in *fork* | *lock*) : >"$dir/go" ;; esac; }
chores_end() { rm -f "$dir/go"; }
# chore KIND FIELD: the books of chores.c.
fields=(begun right signaled wrong own lost)
chore_kinds=(fork fork_job exec lock lock_pinned lock_job)
declare -A chore_books=()
read_chores() {
	local words i f
	mapfile -t words < <(od -An -v -w8 -t u8 -N 448 "$dir/chores.books")
	for i in "${!chore_kinds[@]}"; do
		for f in "${!fields[@]}"; do
			chore_books[${chore_kinds[i]}.${fields[f]}]=${words[i * 8 + f]}
		done
	done
	acknowledged=$((words[48])) twice=$((words[49])) mains=$((words[50]))
	counter=$(($(od -An -t u8 "$dir/counter")))
}
# sum FIELD KIND...
sum() {
	local kind field=$1 n=0
	shift
	for kind; do n=$((n + ${chore_books[$kind.$field]})); done
	echo "$n"
}
books_of() { jq -r "$1" "$dir/books"; }

# -- the storm -------------------------------------------------------------------------------

# The shell may outlive a failure by seconds; the seed must be with the message.
broken() {
	cp -r "$dir" "${BH_STORM_KEEP:-${TMPDIR:-/tmp}}/storm-$seed.$$" 2>/dev/null
	echo "storm: seed $seed; once more: $again" >&2
	fail "$* (records and log: ${BH_STORM_KEEP:-${TMPDIR:-/tmp}}/storm-$seed.$$)"
}

start "$dir/storm.yaml"
echo_port=$(sed -n 's|^listening on 127\.0\.0\.1:\([0-9]*\) (service echo.*|\1|p' "$log")
own_group=$(ps -o pgid= -p $$ | tr -d ' ')
chores_begin
"$BH_CLIENTS/load" -d 2 -k 20 -s "$seed" "$port" "$echo_port" >"$dir/warm" || fail "it does not stand the warm-up: $(cat "$dir/warm")"
chores_end
await all_up || fail "not all are back after the warm-up"
# Each first zygote's control socket keeps its number for good.
for zygote in $(status '.services[].zygote.pid'); do
	kill -KILL "$zygote"
	await gone "$zygote" || fail "zygote $zygote does not die"
done
await all_up || fail "not all are back after the loss of their zygotes"
await quiet || fail "live tasks after the warm-up: $(books)"
base=$(books)
base_fds=$(descriptors)
list_descriptors "$dir/fds.before"
note "base line: ${base//$'\n'/, }; descriptors $base_fds"

"$BH_CLIENTS/load" -d "$((seconds + 3600))" -k "$crashes" -s "$seed" "$port" "$echo_port" \
	>"$dir/load" 2>"$dir/complaints" &
load_pid=$!

chores_begin

mkfifo "$dir/never"
exec {never}<>"$dir/never"
services=(http http echo chores)
RANDOM=$seed
clock
end=$((now + seconds * 1000))
recorded=$now
# Before 64 of the 256 records that the system keeps are new.
every_ms=$(awk -v r="$rate" -v c="$crashes" 'BEGIN { ms = 64000 / (2 * r + c); print int(ms < 4000 ? ms : 4000) }')
while [ "$now" -lt "$end" ]; do
	number=$((number + 1))
	lot=${lots[RANDOM % ${#lots[@]}]}
	service=${services[RANDOM % ${#services[@]}]}
	one=$RANDOM
	ms=$((pause_ms / 2 + RANDOM % (pause_ms + 1)))
	look
	strike "$one"
	# Whoever tidies up in /tmp takes the books along.
	[ -d "$dir" ] || fail "somebody removed $dir: nothing can be balanced any more (seed $seed)"
	runs "$pid" || broken "the system ended in the storm"
	runs "$load_pid" || broken "the clients ended in the storm: $(cat "$dir/complaints")"
	if [ $((now - recorded)) -gt "$every_ms" ]; then
		record && recorded=$now
		trim
	fi
	rest "$ms"
	clock
done
chores_end
kill -TERM "$load_pid"
await gone "$load_pid" || broken "the clients do not end"
wait "$load_pid"
load_code=$?
await record || broken "admind does not answer"
tail -n 1 "$dir/load" >"$dir/books"

cat "$dir/complaints" >&2

[ "$load_code" = 0 ] || broken "requests were lost that no kill explains: $(cat "$dir/books")"

ended=$(jq -s -c 'map(select(.signal == 15 or .signal == 2 or .signal == 1)) | unique_by(.id)' "$dir/records")
[ "$ended" = "[]" ] || broken "a signal that is nobody's to carry out ended workers: $ended"

# Of the deaths by SIGKILL, those that this storm's own kills explain: each kill of a pid
# explains one. /crash?how=kill kills itself; nobody else may.
sed -nE 's/.* (worker|blocking) ([1-9][0-9]*)$/\2/p' "$dir/kills" | jq -s . >"$dir/pids.json"
jq -s --slurpfile pids "$dir/pids.json" '
	($pids[0] | group_by(.) | map({key: (.[0] | tostring), value: length}) | from_entries) as $kills |
	map(select(.signal == 9 and (.process == "worker" or .process == "blocking"))) | unique_by(.id) | group_by(.pid) |
	map(sort_by(.task_name == "http.crash", .id) | to_entries |
		map(.value + {ours: (.key < ($kills[.value.pid | tostring] // 0))})) | add // []' \
	"$dir/records" >"$dir/records.json"
strange=$(jq -c '[.[] | select((.ours | not) and .task_name != "http.crash")]' "$dir/records.json")
[ "$strange" = "[]" ] || broken "workers died of a SIGKILL that this storm did not send: $strange"

# Each 500 names the record of a kill that hit a handler of this route.
untold=$(sed -n 's/^own //p' "$dir/load" "$dir/chores.told" | jq -R -s -c --slurpfile records "$dir/records.json" '
	($records[0] | map(select(.ours) | {key: (.id | tostring), value: .task_name}) | from_entries) as $told |
	split("\n") | map(select(. != "") | split(" ") | {kind: .[0], id: .[1], task: .[2]}) |
	map(select(.task != (.kind | if startswith("chores.") then . else "http." + sub("^brief$"; "hello") end) or $told[.id] != .task))')
[ "$untold" = "[]" ] || broken "requests are told of a crash that no kill of this storm was, or of another task's: $untold"

# hits NAME...: kills that hit a task of these types. lost WHICH: broken connections.
hits() {
	local names
	names=$(printf '"%s",' "$@")
	jq "[.[] | select(.ours) | select(.task_name as \$t | [${names%,}] | index(\$t))] | length" "$dir/records.json"
}
lost() { grep -Ec "^(reset|idle) ($1)\$" "$dir/load"; }
hits_http=$(hits http.connection http.main)
hits_raw=$(hits echo.connection echo.main)
[ "$(lost 'echo|hello|sleep|crash|brief|blocking')" -le "$hits_http" ] ||
	broken "$(lost 'echo|hello|sleep|crash|brief|blocking') connections of http broke, $hits_http tasks were hit"
[ "$(lost raw)" -le "$hits_raw" ] || broken "$(lost raw) connections of echo broke, $hits_raw tasks were hit"

# A chore that did not end is one that was killed, or whose main was, with a round of 12.
await quiet || broken "live tasks after the storm: $(books)"
read_chores
hits_main=$(hits chores.main)
excused_fds=$((2 * $(hits chores.exec) + $(hits chores.lock chores.lock_pinned chores.lock_job)))
for kind in "${chore_kinds[@]}"; do
	missing=$(sum begun "$kind")
	for field in right signaled own lost wrong; do missing=$((missing - $(sum "$field" "$kind"))); done
	[ "$(sum wrong "$kind")" = 0 ] || broken "chores.$kind went wrong, $(sum wrong "$kind") times"
	{ [ "$missing" -ge 0 ] && [ "$missing" -le $((2 * hits_main)) ]; } ||
		broken "$missing of chores.$kind did not end, main was hit $hits_main times"
	[ "$(sum lost "$kind")" -le "$(grep -c ' chores worker [1-9]' "$dir/kills")" ] ||
		broken "more of chores.$kind were lost than workers killed"
done
[ "$(sum signaled "${chore_kinds[@]}")" = 0 ] || [ "${done_of[signal]}" -gt 0 ] ||
	broken "children were signaled, and this storm sent nothing"
locks=(lock lock_pinned lock_job)
[ "$twice" = 0 ] || broken "$twice acknowledged increments were lost"
{ [ "$acknowledged" -ge "$(sum right "${locks[@]}")" ] && [ "$acknowledged" -le "$counter" ] &&
	[ "$counter" -le "$(sum begun "${locks[@]}")" ]; } ||
	broken "of $(sum begun "${locks[@]}") increments $acknowledged were acknowledged, and the counter is at $counter"
"$BH_CLIENTS/trylock" "$dir/counter" || broken "somebody still has the lock"

await all_up || broken "not all are back: zygotes ${zygotes_http[*]} / ${zygotes_echo[*]}, workers ${workers_http[*]} / ${workers_echo[*]}"
await balanced || list_descriptors "$dir/fds.after"
[ ! -e "$dir/fds.after" ] || broken "base line: $base; descriptors $base_fds. After the storm: $(books); descriptors $(descriptors)"
[ "$(status '[.services[].resets] | add')" = 0 ] || broken "a service was reset: $(status '.services[].last_reset')"
[ "$(status '[.services[].tasks | .spawned - .completed - .crashed - .canceled - .live] | join(" ")')" = "0 0 0" ] ||
	broken "the tasks do not add up: $(status '.services[].tasks')"
bhctl audit >"$dir/audit" || broken "the audit found: $(cat "$dir/audit")"
hello || broken "/hello does not answer after the storm"
restarts=$(status .kernel.restarts)
[ "$restarts" = "${killed[kernel]}" ] || broken "${killed[kernel]} kernels were killed, $restarts started"

# -- figures ---------------------------------------------------------------------------------

row() { printf '  %-50s %s\n' "$1" "$2"; }
all() { books_of "[.echo, .hello, .sleep, .crash, .raw, .brief, .blocking | .$1] | add"; }
row "seconds" "$seconds"
for kind in worker blocking zygote kernel admind; do row "killed: $kind" "${killed[$kind]}"; done
row "nobody there to be killed" "${killed[none]}"
row "floods" "${done_of[flood]}"
row "signals to a service's group, SIGHUP to the kernel" "${done_of[signal]}, ${done_of[hup]}"
row "forks and programs, right" "$(sum begun fork fork_job exec), $(sum right fork fork_job exec)"
row "their child was signaled, they were killed" "$(sum signaled fork fork_job exec), $(sum own fork fork_job exec)"
row "increments begun, acknowledged, counted" "$(sum begun "${locks[@]}"), $acknowledged, $counter"
row "chores lost with a pinned task's process" "$(sum lost lock_pinned)"
row "chores' mains" "$mains"
row "descriptors of theirs left, excused" "$left, $excused_fds"
row "crashes recorded" "$(jq -s 'unique_by(.id) | length' "$dir/records")"
row "requests sent" "$(all sent)"
row "answered" "$(all ok)"
row "of these, waited for a timer and a join" "$(books_of .sleep.ok)"
row "of these, done by a blocking process" "$(books_of .blocking.ok)"
row "their own handler was killed" "$(all own)"
row "their connection's task was killed" "$(all reset)"
row "latest timer, ms" "$(books_of .timer_late_ms)"
row "slowest other answer, ms" "$(books_of .slowest_ms)"
row "worker back after a crash, us: median, 99 %, max" "$(jq -s -r '[.[] | select(.restart_us > 0) | .restart_us] | sort |
	if length > 0 then "\(.[length / 2 | floor]) \(.[length * 99 / 100 | floor]) \(.[-1])" else "-" end' "$dir/records")"
stop
echo "storm: the books balance (seed $seed)"
