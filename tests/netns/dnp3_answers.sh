#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Answers are judged as strictly as requests: crafted ones, which crashed masters in the field, do not reach the master, nor do answers
# from another station, to another request, or to none; sound ones do.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dnp3.inc"
plant_up
# An answer of station 11, an answer with the wrong sequence number, a frame with a wrong checksum, none a request asked for.
framed() { $PY -c '
import sys; sys.path.insert(0, "tests/netns/tools")
from dnp3_peer import frame
print("=" + frame(0x44, 1, int(sys.argv[1]), bytes.fromhex(sys.argv[2])).hex())' "$@"; }
answers=(
	'8100000102000000''81|allow|a sound answer'
	"$(framed 10 c0c0810000)|allow|a sound answer of nothing"
	'810000010101''0000ffff00|short|65536 points, and one octet'
	'8100001e0102''00000000feffffff|range-end|4294967295 points'
	'810000200128''ffff00000100000000|short|65535 events, and one'
	'8100006f0017''ff00|field-value|strings of no octets'
	'81000046055b''01ffff00000000|short|a size beyond the message'
	'8100003c0207''01|field-value|class data in an answer'
	'810000640100''000000|field-value|a group without sizes'
	'810000010106|field-value|all points'
	'8100401e0100''0000010000''0000|reserved|indications that are reserved'
	'8100001e0100''000001''00000000|answer-content|points that were not asked for'
	'820000020117''010581|field-value|unsolicited, and not marked so'
	"$(framed 11 c0c0810000)|unasked|the answer of another station"
	"$(framed 10 c0c7810000)|unasked|the answer to another request"
	"$(framed 10 40c0810000)|timeout|the first part of an answer"
	"$(framed 10 c0c0810000 | sed 's/..$/ff/')|checksum|a wrong checksum"
)
printf '%s\n' "${answers[@]}" | cut -d'|' -f1 >"$TMP/replies"
outstation_start --replies "$TMP/replies"
fw_start tests/netns/dnp3.yaml

events_mark
n=0 refusals=()
for a in "${answers[@]}"; do
	printf 'seq 0\napp 01010000%02x%02x\nreopen\n' $n $n
	n=$((n + 1))
done | master --timeout 1 >"$TMP/out"
for ((i = 0; i < ${#answers[@]}; i++)); do
	IFS='|' read -r _ want what <<<"${answers[i]}"
	got=$(sed -n $((i + 1))p "$TMP/out")
	case $want in
	allow) same "$what arrives" '0000*' "$got" ;;
	timeout) same "$what: no more than that arrives" timeout "$got" ;;
	*)
		same "$what" reset "$got"
		refusals+=("$want")
		;;
	esac
done
all_there() { [ "$(events_new | grep -c '"event":"deny"')" -ge ${#refusals[@]} ]; }
wait_for 3 all_there || fail "only $(events_new | grep -c '"event":"deny"') events of ${#refusals[@]}"
same 'the events say why, in this order' "${refusals[*]}" "$(events_new | grep '"event":"deny"' | sed 's/.*"reason":"\([a-z-]*\)".*/\1/' | xargs)"
fw_stop
