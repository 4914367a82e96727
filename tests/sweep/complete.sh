#!/usr/bin/env bash
# complete.sh SWEEP SOURCE_DIR: fails for each function that says in its comment
# where its commit point is ("Commit:") and that no swept operation covers.
set -u
sweep=$1 top=$2
covered=" $("$sweep" --covers | tr '\n' ' ') "
missing=0 functions=0
mapfile -t files < <(find "$top/ipc" "$top/workers" -name '*.[ch]')
while read -r file name; do
	functions=$((functions + 1))
	case $covered in
	*" $name "*) ;;
	*)
		echo "$file: $name has a commit point and is in no operation of tests/sweep" >&2
		missing=$((missing + 1))
		;;
	esac
done < <(awk '
	/\/\*/ { commit = 0; in_comment = 1 }
	in_comment && /Commit:/ { commit = 1 }
	/\*\// { in_comment = 0; next }
	!in_comment && commit && /^[a-z].*\(/ {
		name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name)
		if (name !~ /^(if|while|for)$/) print FILENAME, name
		commit = 0
	}' "${files[@]}" | sort -u)
# A search that finds next to nothing would find nothing wrong.
if [ "${#files[@]}" -lt 100 ] || [ "$functions" -lt 50 ]; then
	echo "only $functions functions with a commit point in ${#files[@]} files below $top" >&2
	exit 1
fi
if [ "$missing" -ne 0 ]; then
	echo "$missing functions without a sweep" >&2
	newer=$(find "$top/tests/sweep/ops" -name '*.c' -newer "$sweep")
	[ -z "$newer" ] || echo "but $sweep is older than $newer: build it first" >&2
	exit 1
fi
echo "each of $functions functions with a commit point is swept"
