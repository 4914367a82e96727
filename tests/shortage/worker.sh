#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A worker short: it is in uninterruptible sleep. The others serve, the log says what it
# does, nothing is lost when it goes on, and the policy for who hangs ends it.
. "$(dirname "$0")/needy.sh"

said() { grep -q "$1" "$log"; }
# stuck: a worker waits in state D; its pid is in $stuck then.
stuck() {
	for stuck in $(worker_pids); do
		grep -q '^State:.D' "/proc/$stuck/status" && return
	done
	return 1
}
sleeps() {
	printf 'uninterruptible\n' >&"$1"
	within 10 stuck || fail "no worker is in uninterruptible sleep"
}

needy
dial other
dial one
answers "$other" ping pong
sleeps "$one"
for _ in 1 2 3 4 5 6 7 8 9 10; do
	answers "$other" ping pong
	within 10 serves || fail "new connections are not served"
done
within 10 said "(pid $stuck) has not turned.*blocked in the kernel; its task: needy.sleeper_in_d" ||
	fail "the log does not say what the worker does: $(tail -n 3 "$log")"
kill -KILL "$(children "$stuck")"
read -r -t $((10 * BH_SLOW)) line <&"$one"
[ "$line" = "uninterruptible signal 0" ] || fail "the task that slept did not go on: '$line'"
within 10 said "worker [01] turns again" || fail "the log does not say that it turns again"
bhctl audit >/dev/null || fail "the audit: $(bhctl audit)"
stop

note "with a policy"
needy 'hang: {report_after: 200ms, kill_after: 600ms}'
dial one
dial other
sleeps "$one"
read -r -t $((10 * BH_SLOW)) line <&"$one"
[ "$line" = "uninterruptible signal 9" ] || fail "the task that slept was told: '$line'"
within 10 gone "$stuck" || fail "the worker was not ended"
within 10 workers_up 2 || fail "it was not replaced"
answers "$other" ping pong
stop
