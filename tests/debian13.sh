#!/bin/sh
# SPDX-License-Identifier: MIT
# debian13.sh: this tree on Debian 13, in a root of its own: tools/setup.sh installs what
# tools/packages names, the release is built with gcc 14's warnings as errors, and the unit
# tests and some whole systems run. As root, with mmdebstrap; else it is skipped.
#
# BH_DEBIAN13 is where the root is kept from one run to the next (1.5 GB; by default a
# folder of ${TMPDIR:-/tmp}); BH_MIRROR another mirror.
set -u
# shellcheck disable=SC2034 # for setup.sh
me=debian13

# Inside: beginning with what tools/up does on a fresh machine.
if [ "${1-}" = --inside ]; then
	root=/src
	# shellcheck source=tools/setup.sh
	. "$root/tools/setup.sh"
	ensure_packages build bpf try
	build release -DBH_WERROR=ON # without Check: no tests
	ensure_packages test
	rm -f "$root/build/release/build.ninja" # to be configured anew
	build release -DBH_WERROR=ON
	cd "$root/build/release" || exit 1
	ctest -j2 --output-on-failure -L unit || exit 1
	exec ctest --output-on-failure \
		-R '^(e2e\.(answers|bhctl|examples|lifecycle|observe|services|tour|trace)|runtime\.(tasks|net))$'
fi

skip() {
	echo "SKIP: $*"
	exit 77
}

tree=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P) || exit 1
kept=${BH_DEBIAN13:-${TMPDIR:-/tmp}/bulkhead-debian13}
mirror=${BH_MIRROR:-http://deb.debian.org/debian}

[ "$(id -u)" = 0 ] || skip "a root can be made by root alone"
for tool in mmdebstrap unshare curl; do
	command -v "$tool" >/dev/null || skip "$tool is not installed"
done
unshare --mount --pid --fork true 2>/dev/null || skip "no namespaces can be made here"

if [ ! -e "$kept/made" ]; then
	curl -sfI -m 20 "$mirror/dists/trixie/InRelease" >/dev/null ||
		skip "$mirror does not answer; BH_MIRROR names another one"
	echo "making a Debian 13 in $kept"
	rm -rf "$kept"
	mkdir -p "$kept/root" || exit 1
	mmdebstrap --quiet --variant=apt --include=ca-certificates trixie "$kept/root.tar" "$mirror" ||
		{ echo "mmdebstrap failed"; exit 1; }
	tar -C "$kept/root" -xf "$kept/root.tar" || exit 1
	rm -f "$kept/root.tar"
	: >"$kept/made"
fi
root=$kept/root

# The tree as it is, without what is built. Objects of the last time are no good: they may be
# younger than a source that has changed since.
mkdir -p "$root/src" &&
	find "$root/src" -mindepth 1 -maxdepth 1 -exec rm -rf {} + &&
	tar -C "$tree" --exclude=./build --exclude=./.git -cf - . | tar -C "$root/src" -xf - || exit 1
cp /etc/resolv.conf "$root/etc/resolv.conf"

# A pid namespace ends with its first process: nothing is left of what tests start.
# shellcheck disable=SC2016 # the inner shell's
exec unshare --mount --pid --fork --kill-child sh -euc '
	mount --make-rprivate /
	mount --bind "$1" "$1"
	mount -t proc proc "$1/proc"
	mount -t sysfs sysfs "$1/sys"
	mount --rbind /dev "$1/dev"
	mount -t tmpfs tmpfs "$1/run"
	if [ -d /sys/kernel/tracing ]; then
		mount --rbind /sys/kernel/tracing "$1/sys/kernel/tracing" || :
	fi
	exec chroot "$1" env LC_ALL=C.UTF-8 TMPDIR=/tmp sh /src/tests/debian13.sh --inside
' sh "$root"
