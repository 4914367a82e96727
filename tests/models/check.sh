#!/usr/bin/env bash
# check.sh MODEL.pml [MUTATION...]: searches every interleaving of the model, which
# must hold, by SPIN's partial order reduction: the order of steps that touch nothing
# of each other's is tried one way. With BH_WHOLE=1 (tools/check --all) without that
# reduction, and then once with each mutation defined, which must fail: a model that
# holds whatever is broken proves nothing. Only a change of the model's own file can
# change that, so change no model without it. Exit 77: spin is not installed.
set -eu
model=$(realpath "$1")
shift
command -v spin >/dev/null || {
	echo "spin is not installed (apt-get install spin)"
	exit 77
}
whole=${BH_WHOLE-}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

# search [-DMUTATION]: leaves pan's report in ./report.
search() {
	# CPU time: on a busy machine a search takes longer, and is no worse for it.
	(ulimit -t 300 && spin "$@" -run -O2 -safety ${whole:+-noreduce} -m200000 "$model") >report 2>&1 || :
	if ! grep -q 'errors: [0-9]' report || grep -q 'max search depth too small' report; then
		cat report
		echo "${model##*/} $*: the search did not come to its end"
		exit 1
	fi
}

search
if ! grep -q 'errors: 0$' report; then
	cat report
	[ ! -e "${model##*/}.trail" ] || spin -k "${model##*/}.trail" -t -p -g "$model" | tail -150
	echo "${model##*/}: does not hold"
	exit 1
fi
sed -n 's/^ *\([0-9]*\) states, stored.*/\1 states, no error/p' report
[ "$whole" ] || exit 0
for mutation; do
	search "-DMUTATE_$mutation"
	if grep -q 'errors: 0$' report; then
		echo "${model##*/}: holds although $mutation is broken"
		exit 1
	fi
	sed -n "s/^pan:1: \(.*\)(at depth.*/$mutation: found: \1/p" report
done
