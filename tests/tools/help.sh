#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# help.sh BHCTL.MD: what bhctl's help says of verbs and their options is what its page says,
# and each option of the page is one that the verb takes.
. "$(dirname "$0")/../e2e/lib.sh"
page=$1

# The table of the page: verb, options.
rows() {
	sed -n '/^| verb |/,/^$/p' "$page" | sed '1,2d; s/\\|/ /g' | awk -F'|' 'NF > 3 { print $2 "|" $2 $4 }'
}

rows | sed 's/|.*//; s/[` ]*\(.*\)` *$/\1/' | sort >"$dir/page"
"$BH_BIN/bhctl" --help | sed -n 's/^  bhctl \(.*[^ ]\)   *[^ ].*/\1/p' | sed 's/  .*//' | sort >"$dir/help"
[ "$(wc -l <"$dir/help")" -gt 15 ] || fail "there are no verbs in: $("$BH_BIN/bhctl" --help)"
diff "$dir/page" "$dir/help" || fail "< verbs of bhctl.md; > verbs of bhctl --help"

# The first words of a row: `workers --set N` is `workers`.
verbs() { sed 's/ *\(--\|\[\|[A-Z]\).*//' "$dir/help" | sort -u; }

options() { grep -o -- '--\?[a-z][a-z-]*' | grep -vx -- '--\(admin\|json\|help\|version\)' | sort -u; }

verbs | while read -r verb; do
	rows | grep "^ *\`$verb\( *--\| *\[\| *[A-Z]\|\`\)" | sed 's/[^|]*|//' | grep -o '`[^`]*`' |
		grep -o -- '\(^`\| \)--\?[a-z][a-z-]*' | tr -d '` ' | options >"$dir/page"
	# shellcheck disable=SC2086 # words
	"$BH_BIN/bhctl" $verb --help >"$dir/out" || fail "bhctl $verb --help: exit code $?"
	grep -q "^  bhctl $verb" "$dir/out" || fail "bhctl $verb --help: no such verb in it: $(cat "$dir/out")"
	# The long name, or the letter where there is none.
	sed -n 's/^  *-.*\(--[a-z-]*\).*/\1/p; s/^  *\(-[a-z]\) .*/\1/p; s/^  *\(--[a-z-]*\).*/\1/p' "$dir/out" |
		options >"$dir/help.$$"
	diff "$dir/page" "$dir/help.$$" || fail "$verb: < options in bhctl.md; > in its help"
done || exit 1

"$BH_BIN/bhctl" dance --help >"$dir/out" 2>&1
[ $? = 100 ] && grep -q 'no verb' "$dir/out" || fail "help for a verb that is not there: $(cat "$dir/out")"
"$BH_BIN/bhctl" status --wide >"$dir/out" 2>&1
[ $? = 100 ] && grep -q 'takes no --wide: it is an option of workers' "$dir/out" ||
	fail "an option of another verb: $(cat "$dir/out")"
