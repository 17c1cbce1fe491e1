#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Section 8, "daemon not started": the ruleset is loaded, as at boot, and no daemon is there. A closed zone passes nothing that is to be inspected, an
# open one what its conduits list and no more, kernel lane and safety lane pass. The first start takes over the sessions that are there, without losing a
# packet of them, and the ledger says what passed before it.
. "$(dirname "$0")/rows.inc"
rows_plant
need_queue
need_tools "$B/otfwctl"
load() { "$B/otfwctl" ruleset --policy $POLICY "$@"; }
if in_f nft -c 'add table inet t; add chain inet t f { type filter hook forward priority 0; }; add rule inet t f queue num 0' 2>/dev/null; then
	load --backend nft | in_f nft -f - || fail 'nft does not load the ruleset'
else
	load --backend iptables | in_f iptables-restore -w -n || fail 'iptables-restore does not load the ruleset'
	load --backend iptables --family 6 | in_f ip6tables-restore -w -n || fail 'ip6tables-restore does not load the ruleset'
fi
ok "loaded without a daemon: rules of otfw's: $(traces)"
udp_sink "$S" $PLC 502 "$TMP/sunk-closed"
udp_sink "$S" $PACKER 502 "$TMP/sunk-open"

same 'closed zone: a new session' 'connect:*' "$(tcp $PLC 502)"
udp_send "$C" $HMI $PLC 502 20 $READ
udp_send "$C" $HMI $PACKER 502 20 $READ
sleep 0.2
same 'closed zone: datagrams, of 20 arrived' 0 "$(count "$TMP/sunk-closed")"
same 'open zone: datagrams, of 20 arrived' 20 "$(count "$TMP/sunk-open")"
client_open line "$C" -t 1500 $PACKER
expect line 'read holding 7 1' 'ok 7'
expect line 'write register 5 5' 'ok*'
same 'open zone: a port nobody lists' 'connect:*' "$(tcp $PACKER 7777)"
same 'kernel lane: a new session' 'ok 1' "$(tcp $PLC 8080)"
safety 'no daemon' 300
unseen=$(counted 'ledger unseen')
more 'what the kernel let go by is counted' 25 "$unseen"
same 'inspected, says the kernel' 0 "$(counted 'ledger inspected')"

bg in_c "$TOOLS/modbus_poll" -s 4 -i 2000 -w 3000 $PACKER >"$TMP/poll"
POLL=$!
sleep 0.3
fw_start $POLICY
wait $POLL
same 'open zone: a session through the start: exit status of its poller' 0 $?
sed 's/^/      /' "$TMP/poll"
expect line 'read holding 8 1' 'ok 8'
ask line connects
same 'open zone: the session of before goes on' 'ok 1' "$SAID"
events_mark
expect line 'write register 5 7' reset
denied 'open zone: it is inspected now' function
same 'closed zone: a new session' 'ok 1' "$(tcp $PLC 502)"
ledger 'after the first start'
more 'the ledger: open zone, passed unseen' "$unseen" "$(figure all uninspected/unseen)"
more 'the ledger: closed zone, dropped' 21 "$(figure cell dropped)"
fw_stop
