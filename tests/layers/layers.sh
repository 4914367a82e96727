#!/usr/bin/env bash
# layers.sh SOURCE_DIR: fails for each file that uses what stands above it. It checks
#
#   folder   which folder may include which (docs/architecture.md)
#   room     a sub-folder of ipc/, kernel/ or workers/ uses itself and those below it alone
#   path     includes are written with their path from the root
#   circle   in ipc/, kernel/ and workers/ no files of one folder use each other in a circle.
#            A file is X.c with X.h; it uses what it includes and whose functions it names
#   door     there, a function that X.c has for others is declared in X.h, or in include/
#   size     a header of kernel/ has at most 150 lines and 25 functions
#   crowd    no folder of ipc/, kernel/, workers/ or tools/ has more than 20 files
set -u
top=$1
cd "$top" || exit 2
failed=0
mapfile -t files < <(find include ipc kernel workers bpf proto tools -name '*.[ch]' ! -name '*.bpf.c' | sort)
if [ "${#files[@]}" -lt 300 ]; then
	echo "only ${#files[@]} sources found below $top: the check looks in the wrong places" >&2
	exit 1
fi
awk '
BEGIN {
	may["include"] = "include"
	may["ipc"] = "ipc include"
	may["workers"] = "workers ipc include"
	may["kernel"] = "kernel ipc include"
	may["bpf"] = "bpf ipc include"
	may["proto"] = "proto"
	may["tools"] = "tools proto ipc include"
	# From the ground up. The guardian uses the ground alone.
	rooms_of("ipc", "base system queue arena protocol sync repair")
	rooms_of("kernel", "base process failure reactor service worker repair system")
	rooms_of("workers", "base owned libc crash strict queue wait task os executor sync io datagram process")
	for (i = 1; i < ARGC; i++)
		known[ARGV[i]] = 1
}
function rooms_of(top, list,   n, i) {
	n = split(list, rooms, " ")
	for (i = 1; i <= n; i++)
		rank[top, rooms[i]] = i
}
function say(rule, text) {
	print rule ": " text
	failed++
}
function dir_of(f) { sub(/\/[^\/]*$/, "", f); return f }
function unit_of(f) { sub(/\.[ch]$/, "", f); return f }
function top_of(f) { sub(/\/.*/, "", f); return f }
function room_of(f,   p, n) {
	n = split(f, p, "/")
	return p[1] !~ /^(ipc|kernel|workers)$/ ? "" : n == 2 ? "top" : p[2]
}
function check_room(from, to,   a, b) {
	a = room_of(from); b = room_of(to)
	if (a == "" || b == "" || top_of(from) != top_of(to) || a == b || a == "top")
		return
	if (b == "top" || b == "guardian" || (a == "guardian" ? b != "base" : rank[top_of(to), b] > rank[top_of(from), a] ||
	    (a == "io" && b == "executor")))
		say("room", from " includes " to ", which stands above it")
}
function include(from, to,   there, here) {
	here = dir_of(from) "/" to
	if (to in known)
		there = to
	else if (("include/" to) in known)
		there = "include/" to
	else if (quoted && here in known) {
		there = here
		say("path", from " includes \"" to "\": write \"" there "\"")
	} else if (to ~ /^(tests|examples)\//)
		there = to
	else
		return # of the system, or made by the build
	if (from ~ /^tools\/bench/ && there ~ /^tests\//)
		return # a benchmark loads the system as the tests do
	if (index(" " may[top_of(from)] " ", " " top_of(there) " ") == 0)
		say("folder", from " includes " there ": " top_of(from) "/ may use " may[top_of(from)])
	check_room(from, there)
	use(unit_of(from), unit_of(there))
}
function has_doors(u) { return u ~ /^(ipc|kernel|workers)\// }
function use(a, b) {
	if (a != b && has_doors(a) && dir_of(a) == dir_of(b))
		edge[a, b] = 1
}
function reach(u,   p, n, i) {
	n = split(next_of[u], p, " ")
	for (i = 1; i <= n; i++)
		if (!(p[i] in seen)) {
			seen[p[i]] = 1
			reach(p[i])
		}
}
function comes_back(v, u) {
	split("", seen)
	reach(v)
	return u in seen
}
# A name in column 0 and what follows, up to the brace or the semicolon.
function head_end(c) {
	if (c == "{" && FILENAME ~ /\.c$/ && head !~ /^static/)
		defined[name] = defined[name] " " unit_of(FILENAME)
	if (c == ";" && FILENAME ~ /\.h$/) {
		declared[name, unit_of(FILENAME)] = 1
		functions[FILENAME]++
	}
	if (c == "{" && FILENAME ~ /\.h$/)
		functions[FILENAME]++
	name = ""
}
FNR == 1 { comment = 0; name = "" }
{ lines[FILENAME] = FNR }
/^#include/ {
	to = $2
	quoted = to ~ /^"/
	gsub(/[<>"]/, "", to)
	include(FILENAME, to)
	next
}
/^#/ { next }
{
	line = $0
	out = ""
	while (line != "") {
		if (comment) {
			at = index(line, "*/")
			if (!at)
				break
			line = substr(line, at + 2)
			comment = 0
		} else {
			at = index(line, "/*")
			if (!at) {
				out = out line
				break
			}
			out = out substr(line, 1, at - 1)
			line = substr(line, at + 2)
			comment = 1
		}
	}
	gsub(/"([^"\\]|\\.)*"/, "", out)
	if (out ~ /^[a-z_].*[ *]bh_[a-z0-9_]+\(/ && out !~ /^typedef/) {
		head = out
		name = out
		sub(/\(.*/, "", name)
		sub(/.*[ *]/, "", name)
	}
	if (name != "" && out ~ /;[ \t]*$/)
		head_end(";")
	else if (name != "" && out ~ /^\{/)
		head_end("{")
	gsub(/(struct|enum|union) bh_[a-z0-9_]+/, "", out)
	if (FILENAME ~ /^include\//)
		for (line = out; match(line, /bh_[a-z0-9_]+\(/); line = substr(line, RSTART + RLENGTH))
			published[substr(line, RSTART, RLENGTH - 1)] = 1
	while (match(out, /bh_[a-z0-9_]+/)) {
		names[unit_of(FILENAME), substr(out, RSTART, RLENGTH)] = 1
		out = substr(out, RSTART + RLENGTH)
	}
}
END {
	for (f in defined) {
		n = split(defined[f], in_unit, " ")
		for (i = 1; i <= n; i++) {
			home[f, in_unit[i]] = 1
			if (has_doors(in_unit[i]) && !((f, in_unit[i]) in declared) && !(f in published))
				say("door", in_unit[i] ".c has " f "() for others, and " in_unit[i] ".h does not declare it")
		}
	}
	for (pair in names) {
		split(pair, p, SUBSEP)
		if (!(p[2] in defined) || ((p[2], p[1]) in home))
			continue
		n = split(defined[p[2]], in_unit, " ")
		for (i = 1; i <= n; i++)
			use(p[1], in_unit[i])
	}
	# What uses nothing, or is used by nothing, is in no circle; and so on.
	do {
		gone = 0
		split("", from)
		split("", into)
		for (pair in edge) {
			split(pair, p, SUBSEP)
			from[p[1]] = into[p[2]] = 1
		}
		for (pair in edge) {
			split(pair, p, SUBSEP)
			if (!(p[2] in from) || !(p[1] in into)) {
				delete edge[pair]
				gone++
			}
		}
	} while (gone)
	for (pair in edge) {
		split(pair, p, SUBSEP)
		next_of[p[1]] = next_of[p[1]] " " p[2]
	}
	for (u in next_of) {
		split("", seen)
		reach(u)
		if (!(u in seen))
			continue
		n = split(next_of[u], p, " ")
		text = ""
		for (i = 1; i <= n; i++)
			if (comes_back(p[i], u))
				text = text " " p[i]
		say("circle", u " is in a circle with" text)
	}
	for (f in lines)
		if (f ~ /^kernel\/.*\.h$/ && (lines[f] > 150 || functions[f] > 25))
			say("size", f " has " lines[f] " lines and " functions[f] + 0 " functions")
	exit failed > 0
}' "${files[@]}" | sort
[ "${PIPESTATUS[0]}" -eq 0 ] || failed=1
crowds=$(find ipc kernel workers tools -type f -printf '%h\n' | sort | uniq -c |
	awk '$1 > 20 { print "crowd: " $2 "/ has " $1 " files: more than 20 are divided into rooms" }')
if [ -n "$crowds" ]; then
	echo "$crowds"
	failed=1
fi
exit $failed
