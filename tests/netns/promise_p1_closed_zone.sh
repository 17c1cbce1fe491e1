#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# P1 and P5, closed zone: while its engine is stopped, killed, in an endless loop or crashed by a PDU, each CLOSED_REPS times, not one forbidden PDU
# reaches the server (a client does nothing but send them), sessions go on with the next engine, none of them lost, and nothing leaves
# uninspected. A PDU that crashes engines again and again ends in quarantine: between those ends nothing new passes, all else goes on.
# P4 beside it: of a safety lane not one packet is lost or queued meanwhile.
IN_MEMORY=1
. "$(dirname "$0")/promise.inc"
need_python 'import socket' sockets
REPS=${CLOSED_REPS:-10}
promise_plant closed
udp_echo "$S" $SIS_B 30010

for fault in stop kill loop crash; do
	before=$(status suspects)
	safe=$(counted 'ledger safety')
	udp_ask "$C" $SIS_A $SIS_B 30010 5000 >"$TMP/asked" &
	ASK=$!
	probe_start $fault -k 4 -i 5000 -f -a $EWS
	for ((REP = 0; REP < REPS; REP++)); do fault_$fault; done
	sleep 0.5
	probe_end $fault
	suspects=$(($(status suspects) - before))
	same "P1: engine $fault, $REPS times, $SENT forbidden PDUs sent: reached the server" 0 "$FORBIDDEN"
	[ "$SENT" -ge $((REPS / 2)) ] || fail "P1: engine $fault: only $SENT forbidden PDUs were sent"
	same "P1: engine $fault: wrong answers" 0 "$WRONG"
	case $fault in
	stop | kill) same "P1: engine $fault: suspects" 0 $suspects ;;
	*) same "P1: engine $fault: suspects denied" $REPS $suspects ;;
	esac
	same "P1: engine $fault: sessions lost" 0 "$LOST"
	wait $ASK
	same "P4: engine $fault: answers to 5000 safety datagrams" 5000 "$(cat "$TMP/asked")"
	same "P4: engine $fault: out of the safety lane, both ways" 10000 $(($(counted 'ledger safety') - safe))
done
same 'P1: released by the guardian' 0 "$(status released)"
same 'P1: left as released' 0 "$(counted 'ledger released')"
same 'P1: left as passed' 0 "$(counted 'ledger passed')"
same 'P1: left unseen' 0 "$(counted 'ledger unseen')"

# The same client again and again.
server_start
events_mark
REP=99
for _ in 1 2 3; do fault_crash; done
restarts=$(status restarts)
e=$(event '"reason":"quarantined"') || fail 'no event of a quarantine'
same 'quarantine: the event names the client' 10.10.1.199 "$(field "$e" client)"
same 'quarantine: the fourth try' 'connect: *' "$(shot 57000 500)"
same 'quarantine: also with an innocent request' 'connect: *' "$(shot 7 500)"
same 'quarantine: engines that died of it' "$restarts" "$(status restarts)"
REP=98
same 'quarantine: another client' answer "$(shot 7 1000)"
fw_stop
