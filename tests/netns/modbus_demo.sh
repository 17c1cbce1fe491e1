#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The README's promise: `make demo` shows what it announces, live as root and from the shipped capture without. The demo checks every
# line of itself; here it must end with 0 both ways, and leave nothing behind.
. "$(dirname "$0")/lib.sh"
workspace
tests/netns/demo/run.sh --replay >"$TMP/replay" 2>&1 || fail "from the capture: $(tail -n 3 "$TMP/replay")"
same 'from the capture' '14 attempts: 6 allowed, 8 refused; every verdict is the announced one.' "$(grep attempts: "$TMP/replay")"
longest() { awk '{if (length($0) > n) n = length($0)} END {print n}' "$1"; }
below 'its longest line' 100 "$(longest "$TMP/replay")"
need_root
tests/netns/demo/run.sh >"$TMP/live" 2>&1 &
demo=$!
wait $demo || fail "live: $(tail -n 3 "$TMP/live")"
same 'live' '14 attempts: 6 allowed, 8 refused. Nothing that was refused reached the PLC.' "$(tail -n 1 "$TMP/live")"
below 'its longest line' 100 "$(longest "$TMP/live")"
grep -q 'all answered on the same TCP session' "$TMP/live" || fail 'it does not show the engine killed'
ok 'live: the engine killed, the session goes on'
same 'namespaces left behind' 0 "$(ip netns list | grep -c "^otfw-$demo-")"
