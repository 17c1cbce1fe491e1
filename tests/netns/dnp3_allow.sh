#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# P1, P2 for DNP3 over TCP: polls, unsolicited answers, clock, select and operate pass; another station, master, point, control code,
# value or function is refused, and so are a restart and an operate without its select.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dnp3.inc"
plant_up
outstation_start
fw_start tests/netns/dnp3.yaml

master >"$TMP/out" <<END
link 0xc0
link 0xc9
app 153c02063c03063c0406
app 013c02063c03063c04063c0106
app 013c0106
app 02500100070700
app 143c0206
unsolicited
app 17
app 0232010701001a2b3c4d01
app 011e01000001
app 03$on5
app 04$on5
app 052902170101e80300
app 011e01000001
END
answers='00 0b 0000 000002022801*feffffff0010a5d4e801 000001020000018101* 0000 0000 0000020117010581 0000340207010000 0000'
same 'one session, all of it answered' "$answers 00001e0100* 0000$on5 0000$on5 000029021701* 00001e0100*" "$(cut -c1-400 "$TMP/out" | xargs)"
same 'operates that reached the outstation' '1 1 1' "$(reached 3) $(reached 4) $(reached 5)"
[ "$(status pdus)" -ge 30 ] || fail "only $(status pdus) PDUs were seen"
ok "$(status pdus) PDUs went through the engine"

before=$(wc -l <"$TMP/rtu.log")
all_refused <<END
app 0d|function|*|cold restart
app 0e|function|*|warm restart
app 12|function|*|stop application
app 1b46035b0124001a000a00000000000000ff0100000000ffffffff0000000201002f6366672f612e786d6c|function|*|file deletion
app 04$on5|not-selected|*|operate without select
app 05$on5|address|*|direct operate of a breaker
app 03$(crob 0600 03)|address|crob 6 is not inside *|another point
app 03$(crob 0500 01)|value|*|another control code
app 052902170101e90300|value|*1001*|a set-point too high
app 052901170101e803000000|argument|*|a set-point of another type
app 011e01000064|address|*|points beyond
app 011e0106|address|*|all points
app 026e0500030348656c6c6f|address|*|a write of a string
app 01c80106|field-value|*|an object nobody knows
app 027000010000ffff|field-value|*|a set of zero-length strings for a terminal
END
events_mark
same 'another outstation' reset "$(printf 'unit 11\napp 011e01000001\n' | master)"
denied '  because' unit
events_mark
same 'another master' reset "$(printf 'origin 2\napp 011e01000001\n' | master)"
denied '  because' origin
events_mark
same 'a broadcast' reset "$(printf 'unit 65535\napp 02500100070700\n' | master)"
denied '  because' unit
printf 'app 03%s\napp 011e01000001\napp 04%s\n' "$on5" "$on5" | master >"$TMP/out"
same 'operate with a poll between it and its select' reset "$(tail -n 1 "$TMP/out")"
printf 'app 03%s\napp 04%s\n' "$on5" "$(crob 0400 03)" | master >"$TMP/out"
same 'operate of another point than was selected' reset "$(tail -n 1 "$TMP/out")"
same 'what reached the outstation of all that: one poll, two selects' '1 1 2 3' "$(tail -n +$((before + 1)) "$TMP/rtu.log" | awk '{print $2}' | sort -n | uniq -c | xargs)"

# One master at a time: the standby is refused while the first is in control.
events_mark
same 'another client while the first is in control' reset "$(one 'app 011e01000001' --source $EWS)"
denied '  because' another-master
fw_stop
