#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# How services begin and what their mains come to: exit codes, mains that crash, an init()
# that takes long, fails, or never ends, and a service that cannot start again.
. "$(dirname "$0")/../lib.sh"
need curl jq

module=$BH_CLIENTS/starts.so

# config SERVICE...: a system of these, each a mapping in YAML's flow style.
config() {
	{
		echo "trace: false"
		echo "services:"
		printf '  - %s\n' "$@"
	} >"$dir/starts.yaml"
}

http="{name: http, workers: 1, listen: ['127.0.0.1:0']}"
starts() { # starts NAME OPTIONS [KEYS]: a service of the module
	echo "{name: $1, module: '$module', workers: 1, options: {$2}${3:+, $3}}"
}

# ends CODE WORDS SERVICE...: a system of these ends so, and says so.
ends() {
	local want=$1 words=$2 got
	shift 2
	config "$@"
	timeout 200 "$BH_BIN/bulkhead" run "$dir/starts.yaml" --admin "$BULKHEAD_ADMIN" >"$log" 2>&1
	got=$?
	[ "$got" = "$want" ] || fail "exit code $got, not $want: $*"
	grep -qF "$words" "$log" || fail "it does not say: $words"
	note "exit code $got: $(grep -F "$words" "$log" | head -n 1 | sed 's/^20[^ ]* //')"
}

begin() { # begin SERVICE...: starts a system of these, whose first is http
	config "$@"
	"$BH_BIN/bulkhead" run "$dir/starts.yaml" --admin "$BULKHEAD_ADMIN" >"$log" 2>&1 </dev/null &
	pid=$!
	await started || fail "nothing of it comes up"
	alive "$pid" || fail "it ended at once"
	url=http://127.0.0.1:$port
}

of() { status ".services[] | select(.name == \"$1\") | $2"; }
is() { [ "$(of "$1" "$2")" = "$3" ]; }
more() { [ "$(of "$1" "$2")" -ge "$3" ]; }
says() { grep -qF "$1" "$log"; }
ends_now() { # after a SIGTERM
	remember_family
	kill -TERM "$pid"
	ended
	[ "$code" = 0 ] || fail "SIGTERM: exit code $code"
	nothing_left
	pid=
}

note "what main returns"
ends 0 "service a: main returned 0" "$(starts a "value: '0'")"
ends 7 "service a: main returned 7" "$(starts a "value: '7'")"
ends 1 "service a: main returned -98 (Address already in use)" "$(starts a "value: '-98'")"
ends 3 "service b: main returned 3" "$(starts a "value: '5', lives_ms: '1500'")" "$(starts b "value: '3'")"
says "service a: main returned 5" || fail "nothing of the other one's value"

note "a main that crashes is started again, and its value still counts"
printf ab >"$dir/crashes"
ends 9 "main has crashed 2 times: it starts again in 50 ms" "$(starts a "value: '9', crashes: '$dir/crashes'")"

note "a main that cannot live fails its service, and in the end the system"
head -c 1000 /dev/zero >"$dir/crashes"
ends 111 "service a failed 4 times within 60000 ms; the last time: its main crashed 4 times within 60000 ms" \
	"$http" "$(starts a "crashes: '$dir/crashes'" "restart: {period: 1m, backoff_max: 10ms}")"
[ "$(stat -c %s "$dir/crashes")" = $((1000 - 16)) ] || fail "$((1000 - $(stat -c %s "$dir/crashes"))) crashes, not 16"

note "or is tried on, slower and slower, where the configuration never gives up"
head -c 100000 /dev/zero >"$dir/crashes"
begin "$http" "$(starts a "crashes: '$dir/crashes'" "restart: {intensity: 0, backoff_min: 50ms, backoff_max: 10s}")"
await says "it starts again in 400 ms" || fail "its pauses do not grow"
[ "$(stat -c %s "$dir/crashes")" -ge $((100000 - 10)) ] || fail "it crashed more often than it was started"
hello || fail "the other service does not answer"
rm "$dir/crashes"
ends_now # it does not wait for a main that is held back

note "a slow init: the others serve, and a stop does not wait for it"
begin "$http" "$(starts slow "init_ms: '3600000'")"
hello || fail "the service that is up does not answer"
is slow .state starting || fail "status says: $(of slow .state)"
await says "service slow: init() has run for 5 s" || fail "nothing says that it is slow"
says ": running" && fail "it says that it runs"
is slow .resets 0 || fail "it was reset: $(of slow .last_reset)"
ends_now

note "one that ends: then all are up"
begin "$http" "$(starts slow "init_ms: '2500', lives_ms: '60000'")"
await says ": running" || fail "it never says that it runs"
[ "$(grep -c "^listening on" "$log")" = 1 ] || fail "an address is announced twice"
is slow .resets 0 || fail "it was reset: $(of slow .last_reset)"
ends_now

note "what fails at the first start ends the system"
ends 111 "service a cannot start: the service's init() failed: -2 (No such file or directory)" \
	"$(starts a "missing: '$dir/none'")"
ends 111 "its init() has not returned within 300 ms: raise start.timeout" \
	"$http" "$(starts a "init_ms: '60000'" "start: {timeout: 300ms}")"

# lose NAME INDEX: its zygote and twin are killed, and the kernel sees neither die before the other.
lose() {
	local kernel p
	kernel=$(status .kernel.pid)
	twin() { [ "$(hosts "$1" | wc -w)" = 2 ]; }
	await twin "$2" || fail "$1 has no twin"
	kill -STOP "$kernel"
	for p in $(hosts "$2"); do
		kill -KILL "$p"
	done
	kill -CONT "$kernel"
	await is "$1" .resets 1 || fail "$1 is not reset"
}

# hosts INDEX: the zygote and the twin of that service.
hosts() {
	local p
	for p in $(children "$pid" bulkhead-host); do
		grep -qz "^BULKHEAD_SERVICE=$1\$" "/proc/$p/environ" 2>/dev/null && echo "$p"
	done
}

note "what init() needs is gone for a while: this service is down, the other one serves"
: >"$dir/needed"
begin "$http" "$(starts a "lives_ms: '3600000', missing: '$dir/needed'" "restart: {backoff_max: 200ms}")"
await says ": running" || fail "it never says that it runs"
rm "$dir/needed"
lose a 1
await more a .start.failures 5 || fail "$(of a .start.failures) failed starts"
case $(of a .start.error) in *"No such file"*) ;; *) fail "status does not say why: $(of a .start.error)" ;; esac
bhctl status >"$dir/status"
grep -q "^service a: .*not up for" "$dir/status" || fail "status does not say since when: $(cat "$dir/status")"
grep -q "starts .*failed; the last one: .*No such file" "$dir/status" || fail "status does not say why: $(cat "$dir/status")"
hello || fail "the other service does not answer"
is http .resets 0 || fail "the other service was reset"
: >"$dir/needed"
await is a .state up || fail "it does not come back"
is a .start.failures 0 || fail "it still counts failures"
await says "service a has started, after" || fail "nothing says that it is back"
ends_now

note "an address at which nobody accepts is told, once, and those at which somebody does are not"
listens() { # listens NAME ADDRESSES: a service that listens at 127.0.0.1:0
	echo "{name: $1, module: '$BH_CLIENTS/listen.so', workers: 1, listen: [$2]}"
}
begin "$http" "$(listens a "'127.0.0.1:0', '127.0.0.2:0'")" "$(listens b "'127.0.0.1:0'")"
await says "service a: nobody accepts at 127.0.0.2:" || fail "it does not say that nobody accepts"
kill -KILL "$(status '.services[1].workers[0].pid')"
await is a '.workers[0].restarts' 1 || fail "the worker is not replaced"
[ "$(grep -c 'nobody accepts' "$log")" = 1 ] || fail "it says so more than once: $(grep 'nobody accepts' "$log")"
ends_now
