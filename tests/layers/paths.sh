#!/usr/bin/env bash
# paths.sh SOURCE_DIR: fails for each mention of a file that is not there. It checks
#
#   path   in documents, sources, models, scripts and CMakeLists: a path from the root, or from
#          the folder of the text
#   link   in documents: where a link leads
#   name   in comments of ipc/, kernel/ and workers/, and in the pages of the folders: a source by
#          its name, or by its room and name
#
# Patterns (*, {}) are no mentions, and neither are NAME, MODEL and NNNN, which stand for others.
set -u
cd "$1" || exit 2
mapfile -t all < <(find . \( -name '.?*' -o -name 'build*' -type d \) -prune -o -type f -print | sed 's,^\./,,' | sort)
# What these two mention, they make.
mapfile -t texts < <(printf '%s\n' "${all[@]}" | grep -E '\.(md|c|h|hpp|cc|S|pml|sh|cmake)$|(^|/)CMakeLists\.txt$' |
	grep -vE '^tests/(layers/(paths_)?mutants|format/format)\.sh$')
if [ "${#texts[@]}" -lt 600 ]; then
	echo "only ${#texts[@]} texts found below $1: the check looks in the wrong places" >&2
	exit 1
fi
awk '
BEGIN {
	ends = "\\.(cc|c|hpp|h|S|sh|pml|proto|md|yaml)"
	path = "(kernel|workers|ipc|tools|tests|bpf|proto|include|examples|docs|cmake)/[A-Za-z0-9_./-]*" ends
	name = "[a-z0-9_/]*[a-z0-9_]\\.(c|h|S|sh|pml)"
}
NR == FNR {
	known[$0] = 1
	for (tail = $0; sub(/^[^\/]*\//, "", tail); )
		known_tail[tail] = 1
	known_tail[$0] = 1
	next
}
FNR == 1 { comment = 0 }
function fail(rule, text) {
	print rule ": " FILENAME ":" FNR ": " text " is not there"
	failed++
}
# Each match of what in line, with the character before it in before.
function take(what) {
	if (!match(line, what))
		return 0
	before = RSTART > 1 ? substr(line, RSTART - 1, 1) : last
	found = substr(line, RSTART, RLENGTH)
	last = substr(found, length(found))
	line = substr(line, RSTART + RLENGTH)
	after = substr(line, 1, 2)
	return 1
}
function stands_for_others(f) { return f ~ /NAME|MODEL|NNNN/ }
# No longer name goes on: x.c.in, x.cmake, x.h*.
function ended() { return after !~ /^([A-Za-z0-9_*]|\.[A-Za-z0-9])/ }
function dir_of(f) { return f ~ /\// ? substr(f, 1, length(f) - length(base_of(f))) : "" }
function base_of(f) { sub(/.*\//, "", f); return f }
function paths() {
	last = ""
	for (line = $0; take(path); )
		if (before !~ /[A-Za-z0-9_.<-]/ && ended() && !(found in known) && !((dir_of(FILENAME) found) in known) &&
		    !stands_for_others(found))
			fail("path", found)
}
function links(   to) {
	last = ""
	for (line = $0; take("\\]\\([^)# ]+"); ) {
		to = substr(found, 3)
		if (to ~ /^[a-z]+:/)
			continue
		for (to = dir_of(FILENAME) to; sub(/[^\/]+\/\.\.\//, "", to); )
			;
		sub(/\/$/, "", to)
		if (!(to in known) && system("test -e " to))
			fail("link", to)
	}
}
function comment_of(text,   out, at) {
	out = ""
	while (text != "") {
		at = index(text, comment ? "*/" : "/*")
		if (comment)
			out = out " " (at ? substr(text, 1, at - 1) : text)
		if (!at)
			break
		text = substr(text, at + 2)
		comment = !comment
	}
	return out
}
function names(text) {
	last = ""
	for (line = text; take(name); )
		if (before !~ /[A-Za-z.<$*}-]/ && ended() && !(found in known_tail) && found !~ /^((sys|linux|asm)\/|vmlinux\.h$)/)
			fail("name", found)
}
{ paths() }
FILENAME ~ /\.md$/ { links() }
FILENAME ~ /^(ipc|kernel|workers)\/.*\.[chS]$/ { names(comment_of($0)) }
FILENAME ~ /^[a-z]+\/README\.md$/ { names($0) }
END { exit failed > 0 }' <(printf '%s\n' "${all[@]}") "${texts[@]}"
