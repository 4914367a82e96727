#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The launcher from outside: what it refuses and how it says so, what becomes of
# the process that was started, and of what a killed system left. The examples of
# docs/configuration.md and examples/config are right.
. "$(dirname "$0")/../e2e/lib.sh"
need curl
root=$(cd "$(dirname "$0")/../.." && pwd -P) || exit 1
bulkhead=$BH_BIN/bulkhead

# told CODE TEXT ARGUMENTS...: bulkhead ends with CODE at once, and its first line
# has TEXT; it says nothing on stdout.
told() {
	local want=$1 text=$2 got
	shift 2
	timeout 200 "$bulkhead" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	got=$?
	[ "$got" = "$want" ] || fail "bulkhead $*: exit code $got, not $want: $(cat "$dir/err")"
	head -n 1 "$dir/err" | grep -qF -- "$text" ||
		fail "bulkhead $*: does not say '$text': $(cat "$dir/err")"
	[ ! -s "$dir/out" ] || fail "bulkhead $*: says on stdout: $(cat "$dir/out")"
}

note "the command line"
told 100 "what is to be done?"
told 100 "no command dance" dance
told 100 "unrecognized option" run --dance
told 100 "which configuration?" check
told 100 "one configuration" run a.yaml b.yaml
told 100 "from 1 to 64" run --workers 0
told 100 "from 1 to 64" run --workers 65
told 100 "from 1 to 64" run --workers 2x
told 100 "HOST:PORT" run --listen 8080
told 100 "HOST:PORT" run --listen 127.0.0.1:65536
told 100 "absolute path" run --listen unix:here.sock
told 100 "107 bytes" run --listen "unix:/$(printf '%0110d' 0)"
told 100 "belong together" run --service x
told 100 "absolute path" run --admin tcp://127.0.0.1:1
told 100 "absolute path" run --admin ipc://relative
printf 'services:\n  - name: nothing\n' >"$dir/app.yaml"
told 100 "/dev/fd/" run <(cat "$dir/app.yaml")
told 100 ":2:5: " run <(cat "$dir/app.yaml")
mkfifo "$dir/fifo" # that nobody writes to: no reason to wait
told 100 "$dir/fifo" check "$dir/fifo"
[ "$("$bulkhead" --version)" ] || fail "--version says nothing"
for verb in '' run check; do
	# shellcheck disable=SC2086 # '' is no argument
	"$bulkhead" $verb --help | grep -q Usage || fail "bulkhead $verb --help: exit code $?"
done

note "what the machine refuses"
told 111 "no such address" run --listen 192.0.2.1:0 --admin "ipc://$dir/new/a.sock"
[ ! -e "$dir/new" ] || fail "$dir/new is left behind"
told 111 "a file that is no socket" run --listen 127.0.0.1:0 --admin "ipc://$dir/err"
told 111 "$dir/a/b" run --listen 127.0.0.1:0 --admin "ipc://$dir/a/b/c.sock"
[ ! -e "$dir/a" ] || fail "a directory is left behind"

note "a refused start leaves no directory"
start
told 111 "another program has it" run --listen "127.0.0.1:$port" --admin "ipc://$dir/new/a.sock"
[ ! -e "$dir/new" ] || fail "$dir/new is left behind"
told 111 "runs already" run --listen 127.0.0.1:0 --admin "$BULKHEAD_ADMIN"
hello || fail "the running system was disturbed"

note "the process that was started is the system's root"
[ "$(readlink "/proc/$pid/exe")" = "$(readlink -f "$BH_BIN/bulkhead-kernel")" ] ||
	fail "process $pid is $(readlink "/proc/$pid/exe")"
stop

note "the tour names the port that is bound"
start
grep -qF "curl $url/hello" "$log" || fail "the tour does not name $url: $(cat "$log")"
stop

note "what a killed system left is taken up"
export BULKHEAD_ADMIN="ipc://$dir/sub/admin.sock"
start
[ "$(stat -c %a "$dir/sub")" = 700 ] || fail "$dir/sub is not private"
# Stopped first, so that nobody sees another one die and cleans up.
kill -STOP "$pid" "${family[@]}"
kill -KILL "$pid" "${family[@]}"
wait "$pid" 2>/dev/null
for p in "${family[@]}"; do
	await gone "$p" || fail "process $p is an orphan"
done
[ -S "$dir/sub/admin.sock" ] || fail "the killed system left no socket: this tests nothing"
start
hello || fail "no hello after a system that was killed"
remember_family
kill -TERM "$pid"
ended
pid=
# It was there before this one, and is not this one's to remove.
rmdir "$dir/sub" || fail "left behind in $dir/sub: $(ls "$dir/sub")"

note "descriptors 0 to 2 closed, others left open"
(exec 0<&- 1>&- 2>&- 7<"$0" && exec "$bulkhead" run --listen 127.0.0.1:0 --admin "$BULKHEAD_ADMIN") &
pid=$!
await bhctl status >/dev/null 2>&1 || fail "without stdin, stdout and stderr it does not run"
remember_family
for fd in 0 1 2; do
	[ "$(readlink "/proc/$pid/fd/$fd")" = /dev/null ] || fail "descriptor $fd is not /dev/null"
done
readlink "/proc/$pid/fd/"* | grep -qF "$(basename "$0")" && fail "it kept the caller's descriptor"
kill -TERM "$pid"
ended
[ "$code" = 0 ] || fail "exit code $code"
pid=

note "the examples are right"
for file in "$root"/examples/config/*.yaml; do
	"$bulkhead" check "$file" >/dev/null || fail "$file"
done
# Each yaml block of the documentation is a whole configuration.
awk -v to="$dir/doc" '/^```yaml$/ { n++; on = 1; next } /^```$/ { on = 0 }
	on { print > (to n ".yaml") }' "$root/docs/configuration.md"
[ -s "$dir/doc1.yaml" ] || fail "docs/configuration.md has no yaml in it"
for file in "$dir"/doc*.yaml; do
	"$bulkhead" check "$file" >/dev/null || fail "docs/configuration.md: $(cat "$file")"
done
