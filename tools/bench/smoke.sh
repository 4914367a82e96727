#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# smoke.sh BH-BENCH: every workload once, with little to do, gives valid JSON; what
# cannot be run says so and exits with 1.
set -u -o pipefail
bench=$1
command -v jq >/dev/null || { echo "SKIP: jq is not installed"; exit 77; }

fail() { echo "FAIL: $*" >&2; exit 1; }

for name in spawn_many_local yield_many ping_pong chained_spawn timer_insert_cancel timer_churn \
	sleep_lateness wake_cross_worker mem_pending_task mem_sleeping_task; do
	for kind in poll fiber; do
		line=$(timeout 60 "$bench" "$name" --kind "$kind" --n 50 --iters 3) ||
			fail "$name, $kind: exit code $?"
		jq -e --arg name "$name" '.bench == $name and .ns_per_op >= 0 and .cpu_s >= 0 and
			(.iters > 0 or $name == "wake_cross_worker")' <<<"$line" >/dev/null ||
			fail "$name, $kind: $line"
	done
done

timeout 20 "$bench" spawn_many_remote_idle 2>/dev/null
[ $? = 1 ] || fail "spawn_many_remote_idle does not say that it cannot be run"
timeout 20 "$bench" no_such_thing 2>/dev/null
[ $? = 100 ] || fail "an unknown workload is no usage error"
