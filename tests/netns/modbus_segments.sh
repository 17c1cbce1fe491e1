#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# P3 through the real queue: a request cut at every place, in one-byte segments, joined with others, gets the verdict it gets whole.
. "$(dirname "$0")/lib.sh"
need_python 'import socket' python
plant_up
server_start
fw_start tests/netns/policy.yaml

allowed=10002900020400070008 forbidden=10003b00020402990299 # 41..42 = 7 8; 59..60
{
	for ((i = 1; i < 17; i++)); do echo "parts 1 $allowed $i"; done
	for i in 1,2 6,7 7,8 3,9 1,16 8,12 5,6,7,8; do echo "parts 1 $allowed $i"; done
	echo "cut 1 $allowed"
	echo "pdu 1 0300290002 $allowed 0100000008"
} >"$TMP/allowed"
in_c $PY $TOOLSRC/raw.py $PLC <"$TMP/allowed" >"$TMP/out" || fail "raw.py: $(tail -n 1 "$TMP/out")"
same 'an allowed write: 16 cuts in two, 7 in more, one-byte segments: answered, one session' 24 "$(grep -c '^1000290002$' <(head -n 24 "$TMP/out"))"
same 'three requests in one segment: three answers' '030400070008 1000290002 0101aa' "$(tail -n 3 "$TMP/out" | xargs)"
plc_holds '41 2' '7 8'

{
	for ((i = 1; i < 17; i++)); do printf 'parts 1 %s %s\nreopen\n' $forbidden $i; done
	for i in 1,2 6,7 7,8 3,9 1,16 8,12 5,6,7,8; do printf 'parts 1 %s %s\nreopen\n' $forbidden $i; done
	printf 'cut 1 %s\nreopen\n' $forbidden
	printf 'pdu 1 %s\n' $forbidden
} >"$TMP/forbidden"
before=$(plc_requests 16)
in_c $PY $TOOLSRC/raw.py --timeout 3 $PLC <"$TMP/forbidden" >"$TMP/out" || fail "raw.py: $(tail -n 1 "$TMP/out")"
same 'the forbidden one, cut likewise: reset every time' '25 reset' "$(sort "$TMP/out" | uniq -c | xargs)"
for j in "$allowed $forbidden" "$forbidden $allowed" "0300290002 0300290002 $forbidden"; do
	echo "pdu 1 $j" | in_c $PY $TOOLSRC/raw.py --timeout 3 $PLC >"$TMP/out"
	same "joined in one segment ($(wc -w <<<"$j") requests, one of them forbidden): none is answered" reset "$(head -n 1 "$TMP/out")"
	grep -q '^[0-9a-f][0-9a-f]' "$TMP/out" && fail "there is an answer: $(cat "$TMP/out")"
done
same 'write requests that reached the PLC meanwhile' 0 $(($(plc_requests 16) - before))
plc_holds '59 2' '59 60'
fw_stop
