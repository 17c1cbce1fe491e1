#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# otfwctl decode against tshark: every Modbus PDU of our own captures and, where they are, of the public ones.
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
captures=(pcaps/modbus/*.pcap*)
if [ -f "$shared/INDEX.tsv" ]; then
	while IFS= read -r f; do captures+=("$shared/$f"); done < <(awk -F'\t' '$4 ~ /modbus|umas/ {print $1}' "$shared/INDEX.tsv")
	# What the index does not call Modbus, and still answers on Modbus's port, is looked at as well.
	while IFS= read -r f; do
		case " ${captures[*]} " in *" $shared/$f "*) continue ;; esac
		[ -n "$("$B/otfwctl" decode "$shared/$f" 2>/dev/null | head -c 1)" ] && captures+=("$shared/$f")
	done < <(awk -F'\t' '!/^#/ && $1 ~ /pcap/ {print $1}' "$shared/INDEX.tsv")
else
	echo "$shared is not here: only our own captures are compared"
fi
/usr/bin/python3 tests/oracle/modbus.py "$B/otfwctl" tests/oracle/modbus.known "${captures[@]}"
