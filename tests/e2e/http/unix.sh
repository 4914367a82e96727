#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Unix sockets in `listen`: served beside TCP, by path and by abstract name; kept while
# workers, kernels and arenas go; removed at the end, and, where a killed system left one,
# by the next.
. "$(dirname "$0")/../lib.sh"
need curl jq socat
bulkhead=$BH_BIN/bulkhead
path=$dir/http.sock
name=bulkhead-e2e-$$
umask 022

by_path() { [ "$(curl -s -m 120 --unix-socket "$path" http://localhost/hello)" = "Hello from Bulkhead" ]; }
by_name() {
	[ "$(curl -s -m 120 --abstract-unix-socket "$name" http://localhost/hello)" = "Hello from Bulkhead" ]
}
served() {
	by_path || fail "$1: $path is not served"
	by_name || fail "$1: the abstract name is not served"
	hello || fail "$1: TCP is not served"
}
inode() { stat -c %i "$path"; }

# refused TEXT PATH: a start ends with 111, says so, and leaves nothing.
refused() {
	local code
	timeout 200 "$bulkhead" run --listen "unix:$dir/beside.sock" --listen "unix:$2" \
		--admin "ipc://$dir/other.sock" >"$dir/out" 2>"$dir/err" </dev/null
	code=$?
	[ "$code" = 111 ] || fail "$2: exit code $code, not 111: $(cat "$dir/err")"
	grep -qF "$2: " "$dir/err" || fail "$2 is not named: $(cat "$dir/err")"
	grep -qF "$1" "$dir/err" || fail "$2: does not say '$1': $(cat "$dir/err")"
	[ ! -e "$dir/beside.sock" ] || fail "a socket file is left by a start that failed"
}

cat >"$dir/unix.yaml" <<END
services:
  - name: http
    module: http.so
    workers: 2
    listen: ["127.0.0.1:0", "unix:$path", "unix:@$name"]
END
up() {
	"$bulkhead" run --admin "$BULKHEAD_ADMIN" "$dir/unix.yaml" >"$log" 2>&1 </dev/null &
	pid=$!
	await started || fail "it does not come up"
	alive "$pid" || fail "it ended at once"
	url=http://127.0.0.1:$port
	remember_family
}

note "served beside TCP, and named"
up
served "at first"
for address in "unix:$path" "unix:@$name"; do
	grep -qF "listening on $address (service http" "$log" || fail "$address is not announced"
	bhctl status | grep -qF "$address" || fail "bhctl status does not name $address"
	status '.services[0].listen[]' | grep -qxF "$address" || fail "its JSON does not name $address"
done
[ "$(stat -c %a "$path")" = 755 ] || fail "mode $(stat -c %a "$path"), not as the umask gives it"
first=$(inode)

note "kept when a worker, the kernel and the arena go"
curl -s -m 120 --unix-socket "$path" 'http://localhost/crash?how=segv' >/dev/null
await workers_up 2 || fail "the worker is not back"
served "after a crash"
kernel=$(children "$pid" bulkhead-kernel)
kill -KILL "$kernel"
other_kernel() { ! children "$pid" bulkhead-kernel | grep -qx "$kernel" && workers_up 2; }
await other_kernel || fail "the kernel is not back"
served "after a new kernel"
mapfile -t zygotes < <(children "$pid" bulkhead-host)
kill -STOP "${zygotes[@]}" # so that neither sees the other's death
kill -KILL "${zygotes[@]}"
reset() { [ "$(status '.services[0].resets')" = 1 ] && workers_up 2; }
await reset || fail "the service is not reset"
served "after a reset"
[ "$(inode)" = "$first" ] || fail "the socket is another one"

note "no socket stays open behind its client"
sockets=$(status '.services[0].io.open')
for _ in 1 2 3 4 5 6; do
	curl -s -m 120 --unix-socket "$path" 'http://localhost/crash?how=kill' >/dev/null
	await workers_up 2 || fail "the worker is not back"
done
settled() { [ "$(status '.services[0].io.open')" = "$sockets" ]; }
await settled || fail "$(status '.services[0].io.open') sockets, not $sockets"

note "another program's socket, a file, a directory"
refused "another program has it" "$path"
refused "another program has it" "@$name"
served "after others came"
echo precious >"$dir/file"
refused "no socket" "$dir/file"
refused "no socket" "$dir"
ln -s "$path" "$dir/link"
refused "no socket" "$dir/link"
[ "$(cat "$dir/file")" = precious ] || fail "a file is not what it was"
refused "its directory is not there" "$dir/nowhere/http.sock"

note "removed by a stop"
stop
[ ! -e "$path" ] || fail "the socket's file is still there"

note "what a killed system left is taken over"
up
kill -KILL "$pid"
for p in "${family[@]}"; do
	await gone "$p" || fail "process $p outlived the guardian"
done
{ wait "$pid"; } 2>/dev/null
[ -S "$path" ] || fail "nothing is left: this test is none"
up
served "after a killed system"
first=$(inode)

note "another one's file stays at the end"
rm "$path"
socat "UNIX-LISTEN:$path,fork" /dev/null &
await test -S "$path" || fail "socat does not listen"
[ "$(inode)" != "$first" ] || fail "the same inode: this test is none"
stop
[ -S "$path" ] || fail "another program's socket is removed"
kill %%
rm -f "$path"

note "by --listen; the tour names it"
"$bulkhead" run --listen "unix:$path" --admin "$BULKHEAD_ADMIN" >"$log" 2>&1 </dev/null &
pid=$!
await by_path || fail "it is not served"
await grep -qF "curl --unix-socket $path http://localhost/hello" "$log" || fail "the tour: $(cat "$log")"
stop
[ ! -e "$path" ] || fail "the socket's file is still there"

[ "$(id -u)" = 0 ] || {
	echo "not root: users are not tried"
	exit 0
}

note "given to the service's user"
chmod 711 "$dir"
sed "s/^    workers.*/&\n    user: nobody/" "$dir/unix.yaml" >"$dir/user.yaml"
mv "$dir/user.yaml" "$dir/unix.yaml"
up
served "as nobody"
[ "$(stat -c %U "$path")" = nobody ] || fail "the socket is $(stat -c %U "$path")'s"
[ "$(setpriv --reuid=nobody --clear-groups curl -s -m 120 --unix-socket "$path" http://localhost/hello)" = "Hello from Bulkhead" ] ||
	fail "nobody cannot connect"
stop
[ ! -e "$path" ] || fail "the socket's file is still there"
