#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# run.sh PROGRAM [ARGUMENT...]: runs a test program of this folder as a system with an
# admin endpoint of its own. Its verdict is its last line: a system's exit code says
# how the system ended, not what its services found.
set -u
dir=$(mktemp -d "${TMPDIR:-/tmp}/bh-runtime.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
program=$1
shift
timeout 200 env --default-signal "$program" --admin "ipc://$dir/admin.sock" "$@" 2>"$dir/log" | tee "$dir/out"
if grep -q '^FAILED' "$dir/out" || ! grep -Eqx '[1-9][0-9]* tests, 0 failed' "$dir/out"; then
	echo "--- log"
	tail -n 50 "$dir/log"
	exit 1
fi
