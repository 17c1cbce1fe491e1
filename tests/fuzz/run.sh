#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/fuzz/run.sh SECONDS [TARGET...]: runs each fuzz target (all of them without names) for so long, one after the other.
# stream.PROTOCOL is the target `stream` held to one protocol; without names each protocol has its turn.
# New inputs grow under $B/corpus/TARGET, beside the committed ones in tests/fuzz/corpus, which stay as they are. A
# finding is written to $B/findings/TARGET-*, is told, and makes the exit status 1; the other targets still run. To keep
# one as a test, move it to tests/fuzz/regressions/.
set -u
cd "$(dirname "$0")/../.." || exit 2
B=${B:-build/fuzz}
seconds=${1:-60}
shift || true
case $seconds in '' | *[!0-9]* | 0)
	echo "usage: $0 SECONDS [TARGET...]" >&2
	exit 2
	;;
esac
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
	for f in tests/fuzz/*.c; do
		n=$(basename "$f" .c)
		case $n in
		replay) ;;
		stream) for p in modbus dnp3 enip s7comm iec104; do targets+=("stream.$p"); done ;;
		*) targets+=("$n") ;;
		esac
	done
fi
mkdir -p "$B/findings" "$B/corpus" "$B/log" || exit 2
status=0
for n in "${targets[@]}"; do
	name=${n%%.*}
	bin=$B/tests/fuzz/$name
	if [ ! -x "$bin" ]; then
		echo "$n: $bin is not built (make VARIANT=fuzz $bin)" >&2
		exit 2
	fi
	mkdir -p "$B/corpus/$n" || exit 2
	dirs=("$B/corpus/$n")
	for d in "tests/fuzz/corpus/$name" "tests/fuzz/regressions/$name"; do [ -d "$d" ] && dirs+=("$d"); done
	case $n in *.*) export FUZZ_PROTOCOL=${n#*.} ;; *) unset FUZZ_PROTOCOL ;; esac
	log=$B/log/fuzz-$n.log
	"$bin" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$B/findings/$n-" "${dirs[@]}" >"$log" 2>&1
	rc=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	if [ "$rc" -ne 0 ]; then
		status=1
		echo "$n: a finding (exit $rc), in $B/findings/; the end of $log:"
		tail -n 30 "$log"
	elif [ "${runs:-0}" -eq 0 ]; then
		status=1
		echo "$n: nothing was run; see $log"
	else
		echo "$n: $runs runs in $seconds s, nothing found"
	fi
done
exit $status
