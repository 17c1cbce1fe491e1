#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Each capture in pcaps/ against the operations written down beside it. `golden.sh --update` writes them anew: read the
# difference before it is committed.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build/release}
bad=0 n=0
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

for pcap in pcaps/*/*.pcap pcaps/*/*.pcapng; do
	[ -f "$pcap" ] || continue
	ops=${pcap%.pcap*}.ops
	if ! "$B/otfwctl" decode "$pcap" >"$tmp/ops" 2>"$tmp/err" || [ -s "$tmp/err" ]; then
		echo "$pcap: $(cat "$tmp/err")"
		bad=1
		continue
	fi
	n=$((n + 1))
	if [ "${1-}" = --update ]; then
		cmp -s "$tmp/ops" "$ops" || { cp "$tmp/ops" "$ops" && echo "wrote $ops"; }
	elif ! diff -u "$ops" "$tmp/ops"; then
		bad=1
	fi
done
for ops in pcaps/*/*.ops; do
	[ -f "${ops%.ops}.pcap" ] || [ -f "${ops%.ops}.pcapng" ] || { echo "$ops: no such capture" && bad=1; }
done
[ "$n" -gt 0 ] || { echo 'no captures' && bad=1; }
echo "$n captures"
exit "$bad"
