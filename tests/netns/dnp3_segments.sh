#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# P3 for DNP3 through the real queue: a restart in one-octet segments, in several link frames, and joined behind an allowed poll is
# refused as it is whole; what is allowed passes in all these forms.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dnp3.inc"
plant_up
outstation_start
fw_start tests/netns/dnp3.yaml

poll=011e01000001
master >"$TMP/out" <<END
cut $poll
parts 2 $poll
parts 4 013c02063c03063c04063c0106
cut 03$on5
parts 3 04$on5
join $poll 17
join $poll $poll $poll
END
same 'allowed: one-octet segments, link frames of two octets, several requests in one segment' \
	'00001e01* 00001e01* 000002022801* 0000*03016400000064* 0000*03016400000064* 0000340207010000 00001e01*' "$(xargs <"$TMP/out")"
same 'operates that reached the outstation' 1 "$(reached 4)"

before=$(wc -l <"$TMP/rtu.log")
for c in 'cut 0d' 'parts 1 0d' "join $poll 0d" "join $poll $poll 0d $poll" 'join 0d 17' "cut 05$on5" "parts 3 05$on5" "join $poll 05$on5"; do
	echo "$c|*|*|$c"
done >"$TMP/attempts"
all_refused <"$TMP/attempts"
same 'restarts and commands that reached the outstation' '0 0' "$(reached 13) $(reached 5)"
# A segment that holds an allowed and a denied request is withheld whole.
same 'requests that reached it meanwhile' 0 $(($(wc -l <"$TMP/rtu.log") - before))

# Two stations' frames within one another, and a first segment in the middle: nobody knows what the receiver makes of it.
frames() { $PY -c '
import sys; sys.path.insert(0, "tests/netns/tools")
from dnp3_peer import frame
parts = [(10, "40c001"), (int(sys.argv[1]), sys.argv[2]), (10, "813c0206")]
print("raw " + b"".join(frame(0xC4, d, 1, bytes.fromhex(h)) for d, h in parts).hex())' "$@"; }
all_refused <<END
$(frames 11 810d)|interleaved|*|a frame for another station within a fragment
$(frames 10 c0c10d)|interleaved|*|a fragment within a fragment
$(frames 10 820d)|sequence|*|a gap in the transport sequence
raw 056408c40a000100ffffc0c10dffff|checksum|*|a frame whose checksum is wrong
END
same 'restarts that reached the outstation' 0 "$(reached 13)"
fw_stop
