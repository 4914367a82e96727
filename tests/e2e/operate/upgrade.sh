#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Other files in the places of all that a system was started from, while it runs: whatever
# dies then, the system goes on as what it was.
. "$(dirname "$0")/../lib.sh"
need curl jq wrk

installed=$dir/installed
built=$BH_BIN

install_copy() { # what is run is a copy: nobody else's files are replaced
	mkdir -p "$installed/bin" "$installed/lib/bulkhead"
	cp "$built"/{bulkhead,bulkhead-*,bhctl} "$installed/bin/"
	cp "$built/../lib/bulkhead/http.so" "$BH_CLIENTS/waits.so" "$installed/lib/bulkhead/"
}

config() {
	cat >"$dir/upgrade.yaml" <<YAML
services:
  - {name: http, workers: 2, listen: ["127.0.0.1:0"]}
  - {name: waits, module: waits.so, workers: 1, listen: ["127.0.0.1:0"]}
YAML
}

# How files get new contents under their names: none of these writes to the old file.
removed() { rm -rf "$installed"; }
junk() { for_each 'head -c 300 /dev/urandom >'; }
others() { # programs that run and end, and a module that is another service
	for_each 'cp /bin/true'
	cp "$BH_CLIENTS/chain.so" "$dir/new"
	mv "$dir/new" "$installed/lib/bulkhead/http.so"
}
for_each() {
	local file
	for file in "$installed"/bin/* "$installed"/lib/bulkhead/*; do
		eval "$1 '$dir/new'"
		chmod 755 "$dir/new"
		mv "$dir/new" "$file"
	done
}

kernel_is_not() { [ "$(status .kernel.pid 2>/dev/null)" != "$1" ]; }
one_is_not() { # NAME PID: a child of that name, and it is not that one
	local p
	p=$(children "$pid" "$1" | head -n 1)
	[ -n "$p" ] && [ "$p" != "$2" ]
}
up() { status ".services[] | select(.name == \"$1\") | .state" 2>/dev/null | grep -qx up; }
resets() { status ".services[] | select(.name == \"$1\") | .resets"; }
has_reset() { [ "$(resets "$1" 2>/dev/null)" = "$2" ]; }
hosts() { # INDEX: the zygote and the twin of that service
	local p
	for p in $(children "$pid" bulkhead-host); do
		grep -qz "^BULKHEAD_SERVICE=$1\$" "/proc/$p/environ" 2>/dev/null && echo "$p"
	done
}
twin_of() { [ "$(hosts "$1" | wc -w)" = 2 ]; }

lose() { # NAME INDEX: its zygote and twin die at once
	local kernel p want
	await twin_of "$2" || fail "$1 has no twin"
	want=$(($(resets "$1") + 1))
	kernel=$(status .kernel.pid)
	kill -STOP "$kernel"
	for p in $(hosts "$2"); do
		kill -KILL "$p"
	done
	kill -CONT "$kernel"
	await has_reset "$1" "$want" || fail "$1 is not reset"
	await up "$1" || fail "$1 is not up again: $(bhctl status)"
}

lose_server() { # NAME
	local p
	p=$(children "$pid" "$1")
	[ -n "$p" ] || return 0 # not in this system
	kill -KILL "$p"
	await one_is_not "$1" "$p" || fail "$1 does not come back"
}

all_die() {
	local p kernel
	p=$(worker_pids | head -n 1)
	kill -KILL "$p"
	await workers_up 2 || fail "the worker is not back"
	hello || fail "no answer after the death of a worker"
	lose http 0
	await hello || fail "no answer after the reset"
	lose waits 1
	kernel=$(status .kernel.pid)
	kill -KILL "$kernel"
	await kernel_is_not "$kernel" || fail "no kernel follows"
	await hello || fail "no answer after the death of the kernel"
	lose http 0
	await hello || fail "no answer after the reset by another kernel"
	lose_server bulkhead-admind
	await bhctl status >/dev/null || fail "nobody answers bhctl"
	lose_server bulkhead-traced
}

# A package manager does not wait for clients to go: no request is lost while files change,
# and then everything dies with them there.
open_sockets() { status '.services[] | select(.name == "http") | .io.open' 2>/dev/null; }
loaded() { [ "$(open_sockets)" -gt 8 ]; }
replaced_under_load() { # WAY
	local loader
	wrk -t 1 -c 8 -d 3s "$url/hello" >"$dir/load" 2>&1 &
	loader=$!
	await loaded || fail "no load: $(cat "$dir/load")"
	"$1"
	wait "$loader" || fail "wrk: $(cat "$dir/load")"
	grep -q '^ *[1-9][0-9]* requests in' "$dir/load" || fail "nothing was answered: $(cat "$dir/load")"
	grep -E 'Socket errors|Non-2xx' "$dir/load" && fail "requests were lost: $(cat "$dir/load")"
	note "$(grep -o '[0-9]* requests in [^,]*' "$dir/load"), none lost"
	wrk -t 1 -c 8 -d 600s "$url/hello" >/dev/null 2>&1 &
	loader=$!
	all_die
	kill "$loader"
	wait "$loader" 2>/dev/null
}

# Stacks are named from the programs that run, not from what has their names now.
named() {
	bhctl dump --json >"$dir/dump" || fail "bhctl dump: exit code $?"
	jq -e '[.tasks[] | select(.name == "waits.sleeper") | [.stack[].function] | index("waits_inner") != null] | length > 0 and all' \
		"$dir/dump" >/dev/null
}
names() {
	local p
	for p in $(hosts 0) $(hosts 1); do
		[ "$(tr '\0' ' ' <"/proc/$p/cmdline" | cut -d' ' -f1)" = "$installed/bin/bulkhead-host" ] || return 1
		[ "$(cat "/proc/$p/comm")" = bulkhead-host ] || return 1
	done
}

config
for way in removed junk others; do
	rm -rf "$installed"
	install_copy
	BH_BIN=$installed/bin
	start "$dir/upgrade.yaml"
	BH_BIN=$built
	hello || fail "/hello does not answer"
	note "$way"
	replaced_under_load "$way"
	await named || fail "no functions: $(head -c 2000 "$dir/dump")"
	names || fail "processes are called something else: $(ps -o pid,comm,args --ppid "$pid")"
	grep -q cannot "$log" && fail "something was in the way"
	stop
done
