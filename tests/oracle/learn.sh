#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The closed loop: the policy that `otfwctl learn --include all` proposes from a capture allows every message of it, and refuses its operations with one
# thing moved outside. Our own captures and, where they are, the public ones.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build/release}
shared=${OTFW_CAPTURES:-../shared/captures}

if ! command -v /usr/bin/python3 >/dev/null; then
	echo '/usr/bin/python3 is not installed: nothing drives the loop'
	exit 77
fi
captures=(pcaps/*/*.pcap*)
if [ -f "$shared/INDEX.tsv" ]; then
	while IFS= read -r f; do captures+=("$f"); done < <(find "$shared" -name '*.pcap*' | sort)
else
	echo "$shared is not here: only our own captures are learned from"
fi
/usr/bin/python3 tests/oracle/learn.py "$B/otfwctl" "${captures[@]}"
