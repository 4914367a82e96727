#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every way to crash: a 500 with a report on a keep-alive connection, which then
# answers /hello; and bhctl crashes tells the same story.
. "$(dirname "$0")/../lib.sh"
need curl jq

start
hello || fail "/hello does not answer"

# recorded ID FILTER: what bhctl crashes knows of crash ID.
recorded() {
	record=$(bhctl crashes --json | jq -c ".crashes[] | select(.id == $1)")
	[ -n "$record" ] && jq -e "$2" <<<"$record" >/dev/null
}

# tour HOW SIGNAL TEXT: one stop.
tour() {
	local how=$1 signal=$2 text=$3 codes id
	codes=$(curl -s -m 120 -o "$dir/report" -w '%{http_code} %{num_connects},' "$url/crash?how=$how" \
		--next -s -m 10 -o "$dir/hello" -w '%{http_code} %{num_connects}' "$url/hello")
	[ "$codes" = "500 1,200 0" ] || fail "$how: codes and connections are $codes, not 500 1,200 0"
	grep -q "$text" "$dir/report" || fail "$how: the report does not say $text: $(cat "$dir/report")"
	# The report does not wait for ever; the record must be completed all the same.
	grep -Eq 'back after [0-9]+ us|not back yet' "$dir/report" ||
		fail "$how: the report does not say how fast the worker was back: $(cat "$dir/report")"
	grep -q 'http.crash' "$dir/report" || fail "$how: the report does not name the task"
	grep -qx 'Hello from Bulkhead' "$dir/hello" || fail "$how: /hello says $(cat "$dir/hello")"

	id=$(sed -n 's/.*crash *\([0-9][0-9]*\) in .*/\1/p' "$dir/report")
	await recorded "$id" ".signal == $signal and .task_name == \"http.crash\" and .pid > 0
		and .restart_us > 0 and .service == \"http\"" || fail "$how: bhctl says of crash $id: $record"
	note "$how: $(sed -n 's/ *cause *//p' "$dir/report"), $(sed -n 's/.*), //p' "$dir/report")"
}

for _ in 1 2; do
	tour segv 11 'SIGSEGV at address 0x0$'
	tour abort 6 SIGABRT
	tour overflow 11 'stack overflow'
	tour exit 0 'called exit(3)'
	tour kill 9 SIGKILL
	tour fpe 8 SIGFPE
done

curl -s -H 'Accept: application/json' "$url/crash?how=segv" |
	jq -e '.crash | .signal == 11 and .task_name == "http.crash" and .worker < 2' \
		>/dev/null || fail "the JSON report is not one"

await workers_up 2 || fail "not all workers are back"
[ "$(status '.services[0].tasks.crashed')" = 13 ] ||
	fail "13 tasks crashed, the status says $(status '.services[0].tasks.crashed')"

# The other routes.
expect() { # CODE CURL-ARGUMENTS...
	local code=$1 got
	shift
	got=$(curl -s -m 120 -o "$dir/body" -w '%{http_code}' "$@")
	[ "$got" = "$code" ] || fail "curl $*: $got, not $code: $(head -c 300 "$dir/body")"
}
expect 200 "$url/"
grep -q '<title>' "$dir/body" || fail "/ is no page"
expect 200 "$url/sleep?ms=20"
expect 200 "$url/spin?ms=20"
expect 200 "$url/blocking?ms=20"
# A process that takes long to start may be helped out by another.
pool() { [ "$(status '.services[0].blocking | .max == 512 and .processes >= 1 and .done == 1')" = true ]; }
await pool || # a job is counted just after its end is known
	fail "the pool: $(status '.services[0].blocking')"
expect 200 "$url/status"
jq -e '.workers == 2 and .tasks.crashed == 13 and (.worker | length) == 2' "$dir/body" >/dev/null ||
	fail "/status: $(cat "$dir/body")"
expect 500 "$url/blocking?ms=1&how=segv"
expect 500 "$url/blocking?ms=1&how=exit"
expect 200 -H 'Content-Type: text/x-test' -d 'some bytes' "$url/echo"
[ "$(cat "$dir/body")" = 'some bytes' ] || fail "/echo says $(cat "$dir/body")"
head -c 1000000 /dev/urandom >"$dir/big"
expect 200 --data-binary "@$dir/big" "$url/echo"
cmp "$dir/big" "$dir/body" || fail "/echo changes what it is sent"
expect 200 -H 'Transfer-Encoding: chunked' --data-binary "@$dir/big" "$url/echo"
cmp "$dir/big" "$dir/body" || fail "/echo changes what it is sent in chunks"
head -c 1100000 /dev/zero >"$dir/big"
expect 413 --data-binary "@$dir/big" "$url/echo"
expect 413 -H 'Transfer-Encoding: chunked' --data-binary "@$dir/big" "$url/echo"
expect 414 "$url/$(head -c 9000 /dev/zero | tr '\0' a)"
expect 431 -H "X-Long: $(head -c 17000 /dev/zero | tr '\0' a)" "$url/hello"
expect 404 "$url/nothing"
expect 405 -X POST "$url/hello"
expect 501 -X BREW "$url/hello"
expect 400 -H Host: "$url/hello"
expect 200 -I "$url/hello"
expect 200 -0 "$url/hello"

stop
