# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# setup.sh: what tools/up and tools/check share: packages, and building a preset.
# The caller has set `me` (its name, for messages) and `root` (the source tree).

: "${me:?}" "${root:?}"

# One sentence, and out. 100: something the caller can put right; 111: not.
die() {
	code=$1
	shift
	printf '%s: %s\n' "$me" "$*" >&2
	exit "$code"
}

say() { printf '%s: %s\n' "$me" "$*" >&2; }

# debian_release: the one whose names of packages are good here. What comes after 13 has
# 13's, as far as anybody knows.
debian_release() {
	if grep -qsx 'VERSION_ID="\{0,1\}12"\{0,1\}' /etc/os-release; then
		echo 12
	else
		echo 13
	fi
}

# packages_for PURPOSE...: their names.
packages_for() {
	release=$(debian_release)
	for purpose; do
		sed -n "s/^$purpose\(-$release\)\{0,1\}: *//p" "$root/tools/packages"
	done
}

# missing_packages NAME...: the packages that are not installed.
missing_packages() {
	# Names that dpkg does not know make it fail and are left out of its output.
	# shellcheck disable=SC2016 # the format is dpkg-query's
	installed=$(dpkg-query -W -f='${db:Status-Abbrev}${Package}\n' "$@" 2>/dev/null |
		sed -n 's/^ii \{0,1\}//p')
	for name; do
		case "
$installed
" in
		*"
$name
"*) ;;
		*) printf '%s ' "$name" ;;
		esac
	done
}

# as_root COMMAND...: runs COMMAND directly, or by sudo, which asks for a password only at a
# terminal.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif [ -t 0 ]; then
		sudo "$@"
	else
		sudo -n "$@"
	fi
}

apt_install() {
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -q --no-install-recommends "$@" </dev/null
}

# ensure_packages PURPOSE...: installs what is missing.
ensure_packages() {
	# Elsewhere than on Debian, cmake says what it does not find.
	command -v dpkg-query >/dev/null && command -v apt-get >/dev/null || return 0
	# shellcheck disable=SC2046 # words
	missing=$(missing_packages $(packages_for "$@"))
	[ -n "$missing" ] || return 0
	missing=${missing% }
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null ||
			die 100 "these packages are missing, and there is no sudo to install them with; as root: apt-get install $missing"
		[ -t 0 ] || sudo -n true 2>/dev/null ||
			die 100 "these packages are missing, and sudo asks for a password; as root: apt-get install $missing"
	fi
	say "installing packages: $missing"
	log=$(mktemp) || die 111 "cannot make a temporary file"
	# The lists may be missing, or older than what the mirrors have.
	# shellcheck disable=SC2086 # words
	if ! apt_install $missing >"$log" 2>&1; then
		as_root apt-get update -q >>"$log" 2>&1 </dev/null
		if ! apt_install $missing >>"$log" 2>&1; then
			tail -n 15 "$log" >&2
			rm -f "$log"
			die 111 "the packages could not be installed: $missing"
		fi
	fi
	rm -f "$log"
}

# failed_with LOG WHAT: shows the end of a log and says what went wrong.
failed_with() {
	if grep -q 'No space left on device' "$1"; then
		rm -f "$1"
		die 111 "$2: no space left for $root/build"
	fi
	grep -E -A 12 'error|FAILED|CMake Error' "$1" | head -n 60 >&2
	rm -f "$1"
	die 111 "$2"
}

# build PRESET [CMAKE ARGUMENTS...]: configures build/PRESET if it is not, and
# builds what is out of date of $targets (all, if that is not set). All arguments after the
# first are for configuring.
build() {
	preset=$1
	shift
	dir=$root/build/$preset
	if ! mkdir -p "$dir" 2>/dev/null || [ ! -w "$dir" ]; then
		die 111 "cannot write in $dir: permission denied, or no space"
	fi
	log=$(mktemp) || die 111 "cannot make a temporary file"
	# A tree that was moved is configured anew.
	if [ ! -f "$dir/build.ninja" ] ||
		! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$dir/CMakeCache.txt"; then
		say "configuring build/$preset"
		rm -f "$dir/CMakeCache.txt"
		(cd "$root" && cmake --preset "$preset" "$@") >"$log" 2>&1 </dev/null ||
			failed_with "$log" "configuring build/$preset failed"
	fi
	# shellcheck disable=SC2086 # words
	if ! ninja -C "$dir" -n ${targets-} 2>/dev/null | grep -q 'no work to do'; then
		say "building build/$preset"
		# shellcheck disable=SC2086 # words
		ninja -C "$dir" ${targets-} >"$log" 2>&1 </dev/null || failed_with "$log" "building build/$preset failed"
	fi
	rm -f "$log"
}
