# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# needy.sh: what the tests of shortages start with: the service needy, and talking
# to it.
. "$(dirname "$0")/../e2e/lib.sh"
need jq

# needy [LINE OF THE SERVICE'S CONFIGURATION]...: starts it with two workers.
needy() {
	{
		printf 'services:\n  - name: needy\n    module: %s\n' "$BH_CLIENTS/needy.so"
		printf '    listen: ["127.0.0.1:0"]\n    workers: 2\n'
		[ $# = 0 ] || printf '    %s\n' "$@"
	} >"$dir/config.yaml"
	start "$dir/config.yaml"
}

# dial NAME: a connection, whose descriptor is then in $NAME.
dial() {
	local -n to=$1
	exec {to}<>"/dev/tcp/127.0.0.1/$port"
}

hang_up() {
	local -n to=$1
	exec {to}>&-
}

# ask FD WORD: sends it, and prints the answer; false: none came.
ask() {
	local line
	printf '%s\n' "$2" >&"$1" 2>/dev/null || return 1
	read -r -t 120 line <&"$1" || return 1
	printf '%s\n' "$line"
}

answers() { # FD WORD PATTERN
	local got
	got=$(ask "$1" "$2") || fail "$2: no answer"
	# shellcheck disable=SC2254 # a pattern is wanted
	case $got in
	$3) note "$got" ;;
	*) fail "$2: '$got', not '$3'" ;;
	esac
}

# A new connection is served; in a shell of its own, for it may hang or fail.
serves() {
	local got fd
	got=$( (
		exec {fd}<>"/dev/tcp/127.0.0.1/$port" || exit
		printf 'ping\n' >&"$fd"
		read -r -t 1 line <&"$fd" && echo "$line"
	) 2>/dev/null)
	[ "$got" = pong ]
}

polls() { status '[.services[0].workers[].polls] | add'; }
crashes() { status '.services[0].tasks.crashed'; }

# cgroup CONTROLLER: a control group of the test's own; its directory is in $group. All
# processes of the system are put into it.
group=
cgroup() {
	local p controller=$1
	group=
	for p in "/sys/fs/cgroup/$controller" /sys/fs/cgroup; do
		[ -e "$p/cgroup.procs" ] || continue
		if [ "$p" = /sys/fs/cgroup ]; then
			grep -qw "$controller" "$p/cgroup.subtree_control" 2>/dev/null || continue
		fi
		mkdir "$p/bh-shortage.$$" 2>/dev/null && group=$p/bh-shortage.$$ && break
	done
	[ -n "$group" ] || skip "no control group with $controller can be made here"
	remember_family
	for p in "$pid" "${family[@]}"; do
		echo "$p" >"$group/cgroup.procs" || skip "processes cannot be moved into $group"
	done
}

# limit KEY-OF-V1 KEY-OF-V2 VALUE
limit() {
	local file=$group/$1
	[ -e "$file" ] || file=$group/$2
	[ -e "$file" ] || skip "$group has neither $1 nor $2"
	echo "$3" >"$file" || fail "$file does not take $3"
}

leave() {
	cleanup
	[ -z "$group" ] || await rmdir "$group"
}
trap leave EXIT
