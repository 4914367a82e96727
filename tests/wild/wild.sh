#!/bin/sh
# SPDX-License-Identifier: MIT
# wild.sh [NAME...]: runs the cases of trouble seen elsewhere against BH_BIN, all or those
# of these names. They are not part of the tree: BH_WILD is their folder, by default
# ../shared/cases/wild beside it.
set -u
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P) || exit 1
cases=${BH_WILD:-$root/../shared/cases/wild}

if [ -z "${BH_BIN-}" ]; then
	echo "tests/wild/wild.sh: BH_BIN is not set; set it to the folder of bulkhead and bhctl (build/dev/bin)" >&2
	exit 1
fi
if [ ! -x "$cases/run" ]; then
	echo "skipped: there are no cases in $cases; BH_WILD names another folder"
	exit 77
fi
exec "$cases/run" "$@"
