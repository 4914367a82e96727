#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `user:` of a service: a name or a number, with its groups, its home and its name in the
# environment. And who goes first when memory is short: workers, not the supervisor.
[ "${BH_OWN_MOUNTS:-}" ] || { unshare -m true 2>/dev/null && BH_OWN_MOUNTS=1 exec unshare -m "$0" "$@"; }
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "only root runs services as others"
[ "${BH_OWN_MOUNTS:-}" ] || skip "no mount namespaces here"
setpriv --reuid 47110 --regid 47110 --clear-groups test -r "$BH_CLIENTS/shell.so" ||
	skip "$BH_CLIENTS is not for everybody to read"

cp /etc/passwd /etc/group "$dir"
echo 'bhtest:x:47110:47110::/home/bhtest:/bin/bhtest' >>"$dir/passwd"
printf 'bhtest:x:47110:\nbhlog:x:47111:bhtest\nbhweb:x:47112:nobody,bhtest\n' >>"$dir/group"
chmod 644 "$dir/passwd" "$dir/group"
for file in passwd group; do mount --bind "$dir/$file" "/etc/$file" || skip "no bind mounts here"; done

# as USER SHELL-TEXT [PREFIX]: what a task of a service of that user says.
as() {
	local user=$1 text=$2
	shift 2
	printf 'trace: false\nservices:\n  - {name: shell, module: %s, workers: 1, user: %s, options: {sh: "%s"}}\n' \
		"$BH_CLIENTS/shell.so" "$user" "$text" >"$dir/app.yaml"
	timeout 200 "$@" "$BH_BIN/bulkhead" run --admin "$BULKHEAD_ADMIN" "$dir/app.yaml" 2>&1
}

# is WANTED USER: likewise, exactly.
# shellcheck disable=SC2016 # expanded by the task's shell
is() {
	local got
	got=$(as "$2" 'echo is $(id -u) $(id -g) $(id -G | xargs -n 1 | sort | xargs) at $HOME, $USER $LOGNAME $SHELL' | sed -n 's/^is //p')
	[ "$got" = "$1" ] || fail "user: $2 is '$got', not '$1'"
	note "user: $2 is $got"
}
export USER=somebody LOGNAME=somebody SHELL=/bin/else HOME=/nowhere
groups='47110 47111 47112'
is "47110 47110 $groups at /home/bhtest, bhtest bhtest /bin/bhtest" bhtest
is "47110 47110 $groups at /home/bhtest, bhtest bhtest /bin/bhtest" 47110
is "47110 47112 47111 47112 at /home/bhtest, bhtest bhtest /bin/bhtest" bhtest:bhweb
is "47113 47113 47113 at /," 47113
is "47113 47111 47111 at /," '"47113:47111"'
is "0 0 $(id -G | xargs -n 1 | sort | xargs) at /root, root root $(sed -n 's/^root:.*://p' /etc/passwd)" root

note "what is refused"
refused() {
	as "$2" true "${@:3}" >"$dir/out" && fail "user: $2 is not refused: $(cat "$dir/out")"
	grep -q "$1" "$dir/out" || fail "user: $2: $(cat "$dir/out")"
	note "$(head -n 1 "$dir/out")"
}
refused 'app.yaml:3:.*there is no user bhnobody' bhnobody
refused 'there is no user 4294967295' 4294967295
refused 'there is no group bhnogroup' 'bhtest:bhnogroup'
if setpriv --bounding-set=-setuid true 2>/dev/null; then
	refused 'cannot become uid 47110: .*CAP_SETUID' bhtest setpriv --inh-caps=-all --bounding-set=-setuid
fi

note "who goes first when memory is short"
base=$(cat /proc/self/oom_score_adj)
start
for name in bulkhead-kernel bulkhead-admind; do
	for p in $(children "$pid" $name) $pid; do
		[ "$(cat "/proc/$p/oom_score_adj")" = "$base" ] || fail "$name has $(cat "/proc/$p/oom_score_adj"), not $base"
	done
done
for p in $(worker_pids); do
	[ "$(cat "/proc/$p/oom_score_adj")" = $((base + 100)) ] || fail "a worker has $(cat "/proc/$p/oom_score_adj")"
done
kill -KILL "$(worker_pids | head -n 1)"
await workers_up 2 || fail "the worker is not replaced"
for p in $(worker_pids); do
	[ "$(cat "/proc/$p/oom_score_adj")" = $((base + 100)) ] || fail "a new worker has $(cat "/proc/$p/oom_score_adj")"
done
stop
# shellcheck disable=SC2016 # expanded by the task's shell
[ "$(as bhtest 'echo adj $(cat /proc/self/oom_score_adj)' sh -c 'echo 950 >/proc/self/oom_score_adj; exec "$@"' sh |
	sed -n 's/^adj //p')" = 1000 ] || fail "950 and 100 are not 1000"
