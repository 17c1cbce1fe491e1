#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# S7 through the daemon under the shipped example policy: an allowed read, set-points, a button; then what no rule names: another range,
# another value, another bit, another rack; PLC stop, start and a block download refused whole, in one-byte segments, in DT parts, and
# behind an allowed job in one segment. What reached the controller is counted there.
. "$(dirname "$0")/lib.sh"
plant_up
bg in_s $PY tests/netns/s7_plc.py $PLC "$TMP/plc.log"
wait_for 5 listening "$S" 102 || fail 'the controller does not listen'
fw_start examples/s7-filling-line.yaml

# drive CLIENT LINES...: one client, a line of output each. reached PATTERN: jobs that the controller saw.
drive() { local from=$1; shift; printf '%s\n' "$@" | in_c $PY tests/netns/s7_client.py --from "$from" $PLC | cut -d' ' -f2-; }
reached() { grep -c "^$1" "$TMP/plc.log"; }

out=$(drive $HMI 'read db 1 0 8' 'multi db,1,0,4 i,0,0,2 db,10,0,4' 'write db 10 0 42be0000' 'write db 10 4 05dc' 'write db 10 6 07' \
	'bit m 0 10 3 1' 'bit m 0 10 0 0' 'cut read db 1 0 4' 'parts 3 write db 10 4 0001' 'empty read db 10 4 2' \
	'join read db 1 0 2 + write db 10 6 02' 'read db 10 0 7')
same 'eight octets of DB 1' 'ok 0001020304050607' "$(sed -n 1p <<<"$out")"
same 'three items in one job' 'ok' "$(sed -n 2p <<<"$out")"
same 'level 95.0, speed 1500, recipe 7' 'ok ok ok' "$(sed -n 3,5p <<<"$out" | xargs)"
same 'two buttons' 'ok ok' "$(sed -n 6,7p <<<"$out" | xargs)"
same 'a read in one-byte segments' 'ok 00010203' "$(sed -n 8p <<<"$out")"
same 'a write in DT parts of three octets' 'ok' "$(sed -n 9p <<<"$out")"
same 'a read behind an empty part' 'ok 0001' "$(sed -n 10p <<<"$out")"
same 'two jobs in one segment' 'ok 0001 | ok' "$(sed -n 11p <<<"$out")"
same 'what the controller holds' 'ok 42be0000000102' "$(sed -n 12p <<<"$out")"
same 'the station reads SZL 0x1c, in parts, and the clock' 'ok;ok' \
	"$(drive $EWS 'szl 0x1c 0 more' 'user 7 1' | cut -d' ' -f1 | paste -sd';')"
[ "$(status inspected)" -ge 15 ] || fail "only $(status inspected) packets were inspected"
ok "$(status inspected) packets went through the engine, $(status pdus) PDUs"

# refuse CLIENT WHAT REASON DETAIL LINES...: the last of them cuts the session, and the event says why
refuse() {
	local from=$1 what=$2 reason=$3 detail=$4
	shift 4
	events_mark
	same "$what" reset "$(drive "$from" "$@" | tail -n 1)"
	denied '  because' "$reason" "$detail"
}
: >"$TMP/plc.log"
refuse $HMI 'DB 1 past its hundredth octet' address '*1/98..1/101*' 'read db 1 98 4'
refuse $HMI 'another data block' address '*db 2/0*' 'read db 2 0 1'
refuse $HMI 'one item of three outside' address '*db 99/0*' 'multi db,1,0,4 db,99,0,2 i,0,0,2'
refuse $HMI 'level 96.0' value '*96*' 'write db 10 0 42c00000'
refuse $HMI 'half of a number' value-cut '*' 'write db 10 0 42c0'
refuse $HMI 'speed 1501' value '*1501*' 'write db 10 4 05dd'
refuse $HMI 'recipe 3' value '*3*' 'write db 10 6 03'
refuse $HMI 'another bit of the buttons' argument '*bit*' 'bit m 0 10 1 1'
refuse $HMI 'a bit of a number' address '*' 'bit db 10 4 0 1'
refuse $EWS 'a set-point by the station' function '*' 'write db 10 4 0001'
refuse $HMI 'another slot' argument '*slot*' 'connect 0103'
refuse $HMI 'a name instead of a slot' function '*' 'connect 53494d415449432d524f4f542d484d49'
refuse $HMI 'a write in parts, split in the item' value '*' 'parts 5 write db 10 4 05dd'
same 'writes that reached the controller' 0 "$(reached write)"

refuse $EWS 'PLC stop' function 'plc-stop*' stop
refuse $EWS 'PLC stop in one-byte segments' function 'plc-stop*' 'cut stop'
refuse $EWS 'PLC stop in DT parts of one octet' function 'plc-stop*' 'parts 1 stop'
refuse $EWS 'PLC stop behind an allowed read' function 'plc-stop*' 'join read db 1 0 2 + stop'
refuse $EWS 'PLC stop behind an empty part' function 'plc-stop*' 'empty stop'
refuse $EWS 'PLC start' function 'plc-start*' start
refuse $EWS 'PLC cold start' function 'plc-start*' cold
refuse $EWS 'a block download' function 'request-download*' 'download 0A00001P'
refuse $EWS 'a block upload' function 'start-upload*' 'upload 0800001A'
refuse $EWS 'a block deleted' function 'delete-block*' 'delete 0B00000A'
refuse $EWS 'the clock set' function 'set-clock*' 'user 7 2 00191402080810005005'
refuse $EWS 'a list that is not named' address '*' 'szl 0x91 0'
refuse $EWS 'memory reset' opaque '*' 'user 1 12'
refuse $HMI 'S7comm-plus' opaque '*' plus
refuse $HMI 'MMS' opaque '*' mms
refuse $HMI 'data before the connection' state '*' 'raw 0300001f02f080320100000001000e00000401120a10020008000184000000'
same 'stops, services, blocks, clocks, other protocols that reached the controller' '0 0 0 0 0 0 0' \
	"$(for f in stop service download upload 'userdata 7' plus mms; do reached "$f"; done | xargs)"
same 'and after all that' 'ok 0001020304050607' "$(drive $HMI 'read db 1 0 8')"
fw_stop
