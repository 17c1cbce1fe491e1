#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# otfwctl decode against tshark: every EtherNet/IP PDU of our own captures and, where they are, of the public ones.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build/release}
shared=${OTFW_CAPTURES:-../shared/captures}

for tool in tshark /usr/bin/python3; do
	if ! command -v "$tool" >/dev/null; then
		echo "$tool is not installed: nothing to hold our decoder against"
		exit 77
	fi
done
captures=(pcaps/enip/*.pcap)
if [ -f "$shared/INDEX.tsv" ]; then
	while IFS= read -r f; do captures+=("$shared/$f"); done < <(awk -F'\t' '$4 ~ /enip|cip/ {print $1}' "$shared/INDEX.tsv")
else
	echo "$shared is not here: only our own captures are compared"
fi
/usr/bin/python3 tests/oracle/enip.py "$B/otfwctl" tests/oracle/enip.known "${captures[@]}"
