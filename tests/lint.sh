#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a compiler does not check: the format, the direction of includes, the length of files, the licence line, machine paths.
set -u
cd "$(dirname "$0")/.." || exit 2
bad=0
say() {
	printf '%s\n' "$*"
	bad=1
}
if git rev-parse --git-dir >/dev/null 2>&1; then
	mapfile -t c < <(git ls-files --cached --others --exclude-standard '*.c' '*.h' '*.def')
else
	mapfile -t c < <(find protocols rules fwd tests -name '*.[ch]' -o -name '*.def' | sort)
fi
src=()
for f in "${c[@]}"; do [ -f "$f" ] && src+=("$f"); done

if command -v clang-format >/dev/null; then
	for f in "${src[@]}"; do
		case $f in *.def) continue ;; esac
		clang-format --dry-run -Werror "$f" >/dev/null 2>&1 || say "$f: not formatted (make format)"
	done
else
	echo 'clang-format is not installed: format not checked'
fi
for f in "${src[@]}"; do
	case $f in
	protocols/*) grep -nE '#include "(rules|fwd)/' "$f" && say "$f: protocols/ includes a layer above it" ;;
	rules/*) grep -nE '#include "fwd/' "$f" && say "$f: rules/ includes a layer above it" ;;
	esac
	head -n 1 "$f" | grep -q 'SPDX-License-Identifier: GPL-2.0-or-later' || say "$f: no licence line"
	n=$(wc -l <"$f")
	[ "$n" -le 800 ] || say "$f: $n lines; split it by layer (about 600)"
done
# The matcher and the data path: no heap, no files.
for f in rules/policy*.c protocols/*.c fwd/engine/pkt.c fwd/engine/flow.c fwd/engine/stream.c fwd/engine/verdict.c; do
	[ -f "$f" ] || continue
	grep -nE '\b(malloc|calloc|realloc|free|fopen|open|printf|strdup)\(' "$f" && say "$f: heap or files between packet and verdict"
done
[ "$bad" -eq 0 ] && echo "lint: ${#src[@]} files, nothing to say"
exit "$bad"
