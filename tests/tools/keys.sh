#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# keys.sh CONFIGURATION.MD: the tables of keys in the page are those that a configuration is
# checked by, row by row.
. "$(dirname "$0")/../e2e/lib.sh"

# Those tables, with the headings they stand under.
tables() {
	awk '/^#/ { heading = $0 } /^\| key \| value \| default/ { print heading; on = 1 } /^$/ { on = 0 } on' "$@"
}
"$BH_BIN/bulkhead" keys | tables >"$dir/keys"
tables "$1" >"$dir/page"
[ "$(grep -c '^| `' "$dir/keys")" -gt 30 ] || fail "there are no keys in: $("$BH_BIN/bulkhead" keys)"
diff "$dir/page" "$dir/keys" || fail "< configuration.md; > \`bulkhead keys\`, which prints tools/bulkhead/config/keys.c"
